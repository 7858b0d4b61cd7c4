/** First match wins: browsers call themselves by the names of those that came before them. */
const BROWSERS: [name: string, pattern: RegExp][] = [
  ['Edge', /Edg(?:e|A|iOS)?\/(\d+)/],
  ['Opera', /OPR\/(\d+)/],
  ['Yandex', /YaBrowser\/(\d+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /(?:Headless)?(?:Chrome|CriOS)\/(\d+)/],
  ['Safari', /Version\/(\d+).* Safari\//],
];
const SYSTEMS: [name: string, pattern: RegExp][] = [
  ['iOS', /iPhone|iPad/],
  ['Android', /Android/],
  ['Windows', /Windows NT/],
  ['macOS', /Macintosh/],
  ['ChromeOS', /CrOS/],
  ['Linux', /Linux/],
];

/** Say which browser on which system a User-Agent is, such as `Chrome 156, Linux`; its first word if neither is known. */
export function browserName(agent: string): string {
  const browser = BROWSERS.flatMap(([name, pattern]) => {
    const found = pattern.exec(agent);
    return found ? [`${name} ${found[1]}`] : [];
  })[0];
  const system = SYSTEMS.find(([, pattern]) => pattern.test(agent))?.[0];
  return [browser, system].filter(Boolean).join(', ') || agent.split(/[\s/]/)[0]!.slice(0, 40);
}
