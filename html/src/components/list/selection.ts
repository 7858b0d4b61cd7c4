import { ref, watch, type Ref } from 'vue';

/**
 * Selection of rows as desktops do it: a click takes one, Ctrl adds, Shift takes a range from the
 * anchor; arrows move, with Shift they extend, Space toggles, Ctrl+A takes all.
 */
export function useSelection(ids: () => string[], selected: Ref<string[]>, multiple: () => boolean) {
  const cursor = ref<string | null>(null);
  let anchor: string | null = null;

  // The cursor never stays on a row that is gone: one row must be reachable by Tab.
  watch(ids, (list) => {
    if (cursor.value !== null && !list.includes(cursor.value)) cursor.value = null;
    if (anchor !== null && !list.includes(anchor)) anchor = null;
  });

  function one(id: string): void {
    anchor = id;
    selected.value = [id];
  }

  function toggle(id: string): void {
    anchor = id;
    const without = selected.value.filter((other) => other !== id);
    selected.value = without.length < selected.value.length ? without : multiple() ? [...without, id] : [id];
  }

  function range(to: string): void {
    const list = ids();
    const [a, b] = [list.indexOf(anchor ?? to), list.indexOf(to)];
    selected.value = list.slice(Math.min(a, b), Math.max(a, b) + 1);
  }

  function click(event: MouseEvent, id: string): void {
    if ((event.target as HTMLElement).closest('button, a, input, label')) return;
    cursor.value = id;
    if (multiple() && event.shiftKey) {
      getSelection()?.removeAllRanges();
      range(id);
    } else if (multiple() && (event.ctrlKey || event.metaKey)) toggle(id);
    else one(id);
  }

  /** Handle a key on a row; returns the row to focus, or undefined if the key means nothing here. */
  function key(event: KeyboardEvent, id: string): string | undefined {
    const list = ids();
    const index = list.indexOf(id);
    const last = list.length - 1;
    const targets: Record<string, number> = {
      ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: last, PageDown: index + 10, PageUp: index - 10,
    };
    if (event.key === ' ') {
      toggle(id);
      return id;
    }
    if (multiple() && event.code === 'KeyA' && (event.ctrlKey || event.metaKey)) {
      selected.value = [...list];
      return id;
    }
    const target = targets[event.key];
    if (target === undefined || event.altKey) return undefined;
    const next = list[Math.max(0, Math.min(last, target))]!;
    cursor.value = next;
    if (multiple() && event.shiftKey) range(next);
    else if (!event.ctrlKey) one(next);
    return next;
  }

  return { cursor, click, key, toggle };
}
