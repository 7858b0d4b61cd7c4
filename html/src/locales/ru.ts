/** Russian: the texts of `ru/`, flat, without those that come with measurements. */
const files = import.meta.glob<Record<string, string>>(['./ru/*.json', '!./ru/measure.json'], { eager: true, import: 'default' });
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
