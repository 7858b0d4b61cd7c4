/** Arrangements of viewports in the grid. */

export interface Cell {
  readonly column: number;
  readonly row: number;
  readonly columnSpan: number;
  readonly rowSpan: number;
}

export interface Layout {
  readonly id: string;
  /** Shares of the width and of the height. */
  readonly columns: readonly number[];
  readonly rows: readonly number[];
  readonly cells: readonly Cell[];
}

export const MAX_ROWS = 4;
export const MAX_COLUMNS = 5;
/** A splitter leaves each side at least this share of both. */
const LEAST_SHARE = 0.15;

/** `rows` x `columns`, as in `2x3`. */
export function gridLayout(rows: number, columns: number): Layout {
  const cells = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) cells.push({ column, row, columnSpan: 1, rowSpan: 1 });
  }
  return {
    id: `${rows}x${columns}`,
    columns: Array<number>(columns).fill(1),
    rows: Array<number>(rows).fill(1),
    cells,
  };
}

/** A large viewport on the left, three beside it. */
const MAIN: Layout = {
  id: 'main',
  columns: [2, 1],
  rows: [1, 1, 1],
  cells: [
    { column: 0, row: 0, columnSpan: 1, rowSpan: 3 },
    { column: 1, row: 0, columnSpan: 1, rowSpan: 1 },
    { column: 1, row: 1, columnSpan: 1, rowSpan: 1 },
    { column: 1, row: 2, columnSpan: 1, rowSpan: 1 },
  ],
};

/** The layout of an id as `2x3` or `main`; one viewport for what is none. */
export function layoutOf(id: string): Layout {
  if (id === 'main') return MAIN;
  const found = /^([1-4])x([1-5])$/.exec(id);
  return found ? gridLayout(Number(found[1]), Number(found[2])) : gridLayout(1, 1);
}

export type ScreenShape = 'landscape' | 'portrait' | 'phone';

/** How many pictures a study starts with: one, two beside or above each other, or four; a phone has room for one. */
export function defaultLayout(imageSeries: number, modality: string, shape: ScreenShape = 'landscape'): string {
  if (shape === 'phone' || imageSeries <= 1 || ['CR', 'DX', 'US', 'XA'].includes(modality)) return '1x1';
  if (imageSeries === 2) return shape === 'portrait' ? '2x1' : '1x2';
  return '2x2';
}

/** Shares after the splitter behind `index` was moved by `delta` of the whole. */
export function moveSplitter(shares: readonly number[], index: number, delta: number): number[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  const first = shares[index];
  const second = shares[index + 1];
  if (first === undefined || second === undefined) return [...shares];
  const both = first + second;
  const moved = Math.min(both * (1 - LEAST_SHARE), Math.max(both * LEAST_SHARE, first + delta * total));
  return shares.map((share, at) => (at === index ? moved : at === index + 1 ? both - moved : share));
}
