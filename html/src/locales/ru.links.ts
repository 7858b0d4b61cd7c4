/** Russian: making links and the lists of them. */
const files = import.meta.glob<Record<string, string>>('./ru/links/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
