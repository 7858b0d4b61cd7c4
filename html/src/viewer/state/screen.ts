/** The shape of the window: what fits on it decides where things are. */
import { onScopeDispose, type Ref, ref } from 'vue';

import type { ScreenShape } from '@/core/layouts';

/** Narrower than this, or lower, there is room for one picture only. */
const PHONE = '(max-width: 599px), (max-height: 419px)';
const PORTRAIT = '(orientation: portrait)';

export function screenShape(): ScreenShape {
  if (matchMedia(PHONE).matches) return 'phone';
  return matchMedia(PORTRAIT).matches ? 'portrait' : 'landscape';
}

/** Follows the window while the calling component lives. */
export function useScreenShape(): Readonly<Ref<ScreenShape>> {
  const shape = ref(screenShape());
  const follow = (): void => {
    shape.value = screenShape();
  };
  const queries = [PHONE, PORTRAIT].map((query) => matchMedia(query));
  for (const query of queries) query.addEventListener('change', follow);
  onScopeDispose(() => {
    for (const query of queries) query.removeEventListener('change', follow);
  });
  return shape;
}
