import { useI18n } from 'vue-i18n';

import type { Translate } from './overlay/texts';

/** The page's texts for code outside of components, in the language that is chosen when they are asked for. */
export function useTranslate(): Translate {
  const { t } = useI18n();
  return (key, named) => (named ? t(key, named) : t(key));
}
