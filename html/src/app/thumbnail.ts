import { computed, type Ref, ref, watch } from 'vue';

import { fetchThumbnail, thumbnailUrl } from '@/api/studies';
import { linkTab } from '@/app/linkTab';

interface Pictured {
  readonly id: string;
  readonly version: string;
}

/** Thumbnails that this page has fetched itself; there are few, and they are small. */
const fetched = new Map<string, Promise<string>>();

async function load(study: string, { id, version }: Pictured): Promise<string> {
  return URL.createObjectURL(await fetchThumbnail(study, id, version));
}

/**
 * Address of the thumbnail of a series for an `img`, empty as long as there is none. The browser fetches it by the cookie;
 * a page of a link, which has none, fetches it by its token.
 */
export function useThumbnail(source: () => { study: string; series: Pictured | null }): Readonly<Ref<string>> {
  const wanted = computed(() => {
    const { study, series } = source();
    return series ? thumbnailUrl(study, series.id, series.version) : '';
  });
  if (!linkTab.active) return wanted;
  const shown = ref('');
  watch(
    wanted,
    async (address) => {
      shown.value = '';
      const { study, series } = source();
      if (!series) return;
      if (!fetched.has(address)) fetched.set(address, load(study, series));
      try {
        const picture = await fetched.get(address)!;
        if (wanted.value === address) shown.value = picture;
      } catch {
        // It stays dark; the next one who wants it tries again.
        fetched.delete(address);
      }
    },
    { immediate: true },
  );
  return shown;
}
