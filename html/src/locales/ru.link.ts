/** Russian: what a page says that was opened by a link. */
const files = import.meta.glob<Record<string, string>>('./ru/link/*.json', { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
