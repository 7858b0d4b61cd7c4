/** English: all texts of `en/`, flat. */
const files = import.meta.glob<Record<string, string>>('./en/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
