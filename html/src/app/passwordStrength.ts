import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';

/** Score of a password from 0 (very weak) to 4 (very strong); `words` must not help it. */
export type Estimate = (password: string, words: string[]) => number;

/** Beyond this the estimate only takes time. */
const LONGEST = 100;

/** Load with `import()`: the word lists are larger than the rest of the page. */
export function estimator(): Estimate {
  const zxcvbn = new ZxcvbnFactory({ dictionary: { ...dictionary }, graphs: adjacencyGraphs });
  return (password, words) => zxcvbn.check(password.slice(0, LONGEST), words).score;
}
