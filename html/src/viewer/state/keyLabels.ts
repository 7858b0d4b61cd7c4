/** What is printed on the keys of this keyboard. */
import { shallowRef } from 'vue';
import { useI18n } from 'vue-i18n';

import { keyLabel } from '@/core/hotkeys';

/** Only some browsers tell the layout, and only on secure pages. */
interface KeyboardOfNavigator {
  getLayoutMap?(): Promise<ReadonlyMap<string, string>>;
}

const layout = shallowRef<ReadonlyMap<string, string>>();
let asked = false;

async function askLayout(): Promise<void> {
  asked = true;
  const { keyboard } = navigator as { keyboard?: KeyboardOfNavigator };
  // A refusal leaves the built-in table in force.
  layout.value = await keyboard?.getLayoutMap?.().catch(() => undefined);
}

/** Labels of hotkeys in the notation of the tool table; they follow language and layout. */
export function useKeyLabels(): (hotkey: string) => string {
  const { locale } = useI18n();
  if (!asked) void askLayout();
  return (hotkey) => keyLabel(hotkey, locale.value, layout.value);
}
