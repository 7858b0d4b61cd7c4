/** Russian: all texts of `ru/`, flat. */
const files = import.meta.glob<Record<string, string>>('./ru/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
