import { describe, expect, it } from 'vitest';

import { neighbourPhase, phaseOf } from '../phases';
import { AXIAL, stack } from './samples';

/** Three places, each taken at two times: first all places, then all again. */
const { slices: once } = stack(AXIAL, 3);
const twice = [...once, ...once].map((slice, index) => ({ ...slice, position: index }));

describe('phases of a stack', () => {
  it('are the slices that lie in one place', () => {
    expect(phaseOf(twice, 4)).toEqual({ phase: 1, phases: 2, members: [1, 4] });
  });

  it('are gone through in a circle, the place stays', () => {
    expect(neighbourPhase(twice, 1, 1)).toBe(4);
    expect(neighbourPhase(twice, 4, 1)).toBe(1);
    expect(neighbourPhase(twice, 1, -1)).toBe(4);
  });

  it('do not exist where every slice has its own place, or none is known', () => {
    expect(phaseOf(once, 1)).toBeNull();
    const nowhere = twice.map((slice) => ({ ...slice, origin: null }));
    expect(neighbourPhase(nowhere, 1, 1)).toBeNull();
  });
});
