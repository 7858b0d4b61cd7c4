/** English: texts of the administrator's panel, which nobody else loads. */
const files = import.meta.glob<Record<string, string>>('./en/admin/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
