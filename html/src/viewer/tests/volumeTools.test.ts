import { describe, expect, it, vi } from 'vitest';

import { SpaceHost, type SpaceServices } from '@/core/tools/spaceHost';
import { TOOL_TABLE } from '@/core/tools/table';
import { stack } from '@/core/tests/samples';
import { GRID } from '@/core/tests/volumes';
import { initialPlanes } from '@/core/planes';
import { volumePresetsOf } from '@/core/volumePresets';
import { INITIAL_MODEL, INITIAL_PLANE } from '@/core/volumeViewport';
import type { VolumeProblem } from '@/core/wire';
import en from '@/locales/en/viewer.json';
import ru from '@/locales/ru/viewer.json';

import { bottomLeft, bottomRight, slabBadge, type VolumeTextInput } from '../overlay/volumeTexts';
import { EVERYWHERE } from '../state/actions';
import { problemReason, reasonText } from '../state/reasons';
import { VolumeActions } from '../state/volumeActions';
import type { VolumeSnapshot } from '../state/volumeSnapshot';
import type { VolumeWindow } from '../state/volumeWindow';
import type { Workspace } from '../state/workspace';

const texts: Readonly<Record<string, string>> = en;
const t = (key: string, named: Record<string, string | number> = {}): string => {
  const text = texts[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(named[name]));
};
const inVolumes = TOOL_TABLE.filter(({ windows }) => windows.some((window) => window !== 'image'));

describe('tools of MPR and Volume', () => {
  it('all have something that does them', () => {
    const table = new VolumeActions({} as Workspace, {} as VolumeWindow).table;
    const lacking = inVolumes.filter(
      ({ id, kind }) => kind !== 'pointer' && kind !== 'menu' && !table[id] && !EVERYWHERE.test(id),
    );
    expect(lacking.map(({ id }) => id)).toEqual([]);
    const host = new SpaceHost({ session: vi.fn() } as unknown as SpaceServices);
    const pointer = inVolumes.filter(({ kind, group }) => kind === 'pointer' && group !== 'measure').map(({ id }) => id);
    expect([...host.known].sort()).toEqual(pointer.sort());
  });
});

describe('texts of volumes', () => {
  const plane = initialPlanes(GRID, {}, [0, 0, -30]).planes.axial;
  const snapshot = {
    opened: { ...stack(), volume: GRID },
    view: { ...INITIAL_PLANE, window: { center: -600, width: 1500, function: 'LINEAR', explanation: '' } },
    plane,
    point: [0, 0, -30],
    window: { center: -600, width: 1500 },
  } as unknown as VolumeSnapshot;
  const input = {
    mode: 'full',
    anonymised: false,
    privacy: false,
    series: { number: 3, description: 'Lung' },
    snapshot,
    plane: 'axial',
    reading: null,
    t,
  } as unknown as VolumeTextInput;

  it('name the plane, where it lies and its window', () => {
    expect(bottomLeft(input)).toEqual(['CT - 3 - Lung', 'Axial', 'A -30.0 mm']);
    expect(bottomRight(input)).toEqual(['W 1500  C -600  Lung']);
    expect(bottomLeft({ ...input, privacy: true })[0]).toBe('CT - 3');
    expect(bottomLeft({ ...input, mode: 'off' })).toEqual([]);
  });

  it('name the preset and the angles of a model', () => {
    const look = volumePresetsOf(stack())[3]?.look;
    const view = { ...INITIAL_MODEL, ...look, row: [0, 1, 0], column: [0, 0, -1] };
    const model = { ...input, plane: null, snapshot: { ...snapshot, view, plane: null } } as VolumeTextInput;
    expect(bottomLeft(model)).toEqual(['CT - 3 - Lung', '3D', 'LAO 90°  CRA 0°']);
    expect(bottomRight(model)).toEqual(['Skin']);
  });

  it('show the slab only where there is one', () => {
    expect(slabBadge('minip', 7.5, t)).toBe('MinIP 7.5 mm');
    expect(slabBadge('off', 10, t)).toBe('');
  });

  it('have a reason in both languages for everything that is no volume', () => {
    const codes: readonly VolumeProblem['code'][] = [
      'too-few',
      'no-geometry',
      'mixed-orientation',
      'mixed-size',
      'mixed-frame-of-reference',
      'colour',
      'no-spacing',
    ];
    for (const code of codes) {
      const keys: string[] = [];
      reasonText(problemReason({ code, images: 12 }), (key) => {
        keys.push(key);
        return key;
      });
      expect((en as Record<string, string>)[keys[0]!], code).toBeTruthy();
      expect((ru as Record<string, string>)[keys[0]!], code).toBeTruthy();
    }
    for (const modality of ['CT', 'MR', 'PT']) {
      for (const { textKey } of volumePresetsOf({ modality, unit: '', value_range: null })) t(textKey);
    }
  });
});
