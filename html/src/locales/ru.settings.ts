/** Russian: texts of the settings. */
const files = import.meta.glob<Record<string, string>>('./ru/settings/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
