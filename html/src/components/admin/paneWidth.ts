import { computed } from 'vue';

import { useSettings } from '@/stores/settings';

const [NARROWEST, WIDEST, STANDARD, STEP] = [320, 560, 400, 20];

/** Width of the side pane in pixels: drawn by its edge, or by the arrow keys on it; remembered. */
export function usePaneWidth() {
  const settings = useSettings();
  const width = computed({
    get: () => settings.get('pane.width', STANDARD),
    set: (value) => settings.set('pane.width', Math.min(WIDEST, Math.max(NARROWEST, Math.round(value)))),
  });

  function drag(event: PointerEvent): void {
    const handle = event.currentTarget as HTMLElement;
    const [from, before] = [event.clientX, width.value];
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (move) => (width.value = before + from - move.clientX);
    handle.onpointerup = handle.onpointercancel = () => (handle.onpointermove = null);
  }

  function key(event: KeyboardEvent): void {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
    width.value += event.key === 'ArrowLeft' ? STEP : -STEP;
    event.preventDefault();
  }

  return { width, drag, key, limits: { min: NARROWEST, max: WIDEST } };
}
