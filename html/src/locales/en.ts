/** English: the texts of `en/`, flat, without those that come with measurements. */
const files = import.meta.glob<Record<string, string>>(['./en/*.json', '!./en/measure.json'], { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
