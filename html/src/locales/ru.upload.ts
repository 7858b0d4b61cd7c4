/** Russian: texts of uploads. */
const files = import.meta.glob<Record<string, string>>('./ru/upload/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
