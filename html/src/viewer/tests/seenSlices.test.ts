import { describe, expect, it } from 'vitest';

import { SeenSlices } from '../state/seenSlices';

describe('what was seen of a series', () => {
  it('is all of it only when every slice was shown', () => {
    const seen = new SeenSlices();
    for (const index of [0, 1, 1, 0]) seen.add('s', 'v1', index, 3);
    expect(seen.isComplete('s', 'v1')).toBe(false);
    seen.add('s', 'v1', 2, 3);
    expect(seen.isComplete('s', 'v1')).toBe(true);
  });

  it('is no longer all of it when images are added', () => {
    const seen = new SeenSlices();
    seen.add('s', 'v1', 0, 1);
    expect(seen.isComplete('s', 'v1')).toBe(true);
    expect(seen.isComplete('s', 'v2')).toBe(false);
  });
});
