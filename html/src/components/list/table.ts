import { computed, type ComputedRef } from 'vue';

import { useSettings, type TableSettings } from '@/stores/settings';

/** A column of a table. `value` is the cell's text: shown unless a slot shows more, and copied. */
export interface Column<Row> {
  key: string;
  label: string;
  width: number;
  visible: boolean;
  sortable?: boolean;
  numeric?: boolean;
  /** Cannot be hidden or moved, has no text: check boxes, icons, buttons. */
  fixed?: 'start' | 'end';
  value: (row: Row) => string;
}

export const MIN_WIDTH = 48;

/** Columns as the user has arranged them, and the functions that change the arrangement. */
export function useTableSettings<Row>(name: string, columns: ComputedRef<Column<Row>[]>) {
  const settings = useSettings();
  const key = `table.${name}`;
  const standard = computed<TableSettings>(() => ({
    order: columns.value.map((column) => column.key),
    hidden: columns.value.filter((column) => !column.visible).map((column) => column.key),
    widths: {},
    wrap: false,
  }));
  const current = computed<TableSettings>(() => ({ ...standard.value, ...settings.get<Partial<TableSettings>>(key, {}) }));

  /** All columns in order; those that the saved order does not know come at their own place. */
  const ordered = computed(() => {
    const place = (column: Column<Row>, index: number) => {
      if (column.fixed) return column.fixed === 'start' ? -1000 + index : 1000 + index;
      const saved = current.value.order.indexOf(column.key);
      return saved < 0 ? index : saved;
    };
    const places = new Map(columns.value.map((column, index) => [column.key, place(column, index)]));
    return [...columns.value].sort((a, b) => places.get(a.key)! - places.get(b.key)!);
  });
  const isShown = (column: Column<Row>) => !!column.fixed || !current.value.hidden.includes(column.key);
  const shown = computed(() => ordered.value.filter(isShown));
  const movable = computed(() => ordered.value.filter((column) => !column.fixed));
  const width = (column: Column<Row>) => current.value.widths[column.key] ?? column.width;

  const save = (change: Partial<TableSettings>) => settings.set(key, { ...current.value, ...change });

  function toggle(column: Column<Row>): void {
    const { hidden } = current.value;
    if (hidden.includes(column.key)) save({ hidden: hidden.filter((other) => other !== column.key) });
    else if (shown.value.filter((other) => !other.fixed).length > 1) save({ hidden: [...hidden, column.key] });
  }

  /** Put a column where another one is. */
  function move(from: number, to: number): void {
    const order = movable.value.map((column) => column.key);
    const [moved] = order.splice(from, 1);
    if (!moved || to < 0 || to > order.length) return;
    order.splice(to, 0, moved);
    save({ order });
  }

  const resize = (column: Column<Row>, to: number) =>
    save({ widths: { ...current.value.widths, [column.key]: Math.max(MIN_WIDTH, Math.round(to)) } });

  function fit(column: Column<Row>): void {
    const { [column.key]: _dropped, ...widths } = current.value.widths;
    save({ widths });
  }

  return {
    current, shown, movable, isShown, width, toggle, move, resize, fit,
    setWrap: (wrap: boolean) => save({ wrap }),
    reset: () => settings.reset(key),
  };
}

export type TableArrangement<Row> = ReturnType<typeof useTableSettings<Row>>;
