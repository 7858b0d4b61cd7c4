/** English: texts of the settings. */
const files = import.meta.glob<Record<string, string>>('./en/settings/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
