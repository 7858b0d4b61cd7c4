import { text } from '@/i18n';
import { useToasts } from '@/stores/toasts';

/** Old way of copying, for pages that are not served over https. */
function copyBySelection(content: string): boolean {
  const area = document.createElement('textarea');
  area.value = content;
  area.style.cssText = 'position:fixed;opacity:0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

/** Copy text; false where the browser does not allow it. */
export async function copyText(content: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(content);
    return true;
  } catch {
    return copyBySelection(content);
  }
}

/** Copy text and say so. */
export function useClipboard(): (content: string) => Promise<void> {
  const toasts = useToasts();
  return async (content) => {
    const done = await copyText(content);
    toasts.show(done ? 'success' : 'error', text(done ? 'common.copied' : 'problem.clipboard'));
  };
}
