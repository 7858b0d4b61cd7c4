/** Pictures that are taken away: into the clipboard or as a file. */
import { nextTick } from 'vue';
import { useI18n } from 'vue-i18n';

import { useToasts } from '@/stores/toasts';

import type { ExportChoice } from '../components/ExportDialog.vue';
import { finalFrame, picture } from './pictureExport';
import type { Workspace } from './workspace';

/** Gives the downloaded file time to be read. */
const READ_MS = 10_000;

/** `overlay` is what is drawn over the picture in front, if there is anything. */
export function useTakenPictures(workspace: Workspace, overlay: () => SVGSVGElement | null) {
  const toasts = useToasts();
  const { t } = useI18n();

  async function take({ format, texts, personal }: ExportChoice): Promise<Blob | null> {
    const viewport = workspace.volume?.active ?? workspace.active;
    if (!viewport) return null;
    const hidden = workspace.state.privacy;
    try {
      await finalFrame(viewport);
      workspace.state.privacy ||= !personal;
      await nextTick();
      return await picture(viewport, texts ? overlay() : null, format);
    } catch {
      toasts.show('error', t('viewer.export.failed'));
      return null;
    } finally {
      workspace.state.privacy = hidden;
    }
  }

  async function copyPicture(): Promise<void> {
    const taken = take({ format: 'png', texts: true, personal: true });
    // The item is made within the press that asked for it: browsers allow it only then.
    const png = taken.then((blob) => blob ?? Promise.reject(new Error('no picture')));
    try {
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
      toasts.show('success', t('viewer.export.copied'));
    } catch {
      if (await taken) toasts.show('error', t('viewer.export.no_clipboard'));
    }
  }

  async function savePicture(choice: ExportChoice): Promise<void> {
    const { volume, active } = workspace;
    const part = volume ? volume.state.active : active && active.index + 1;
    const series = volume?.series ?? workspace.state.current?.activeCell?.series;
    const blob = await take(choice);
    if (!blob || part === null) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    const name = [series?.modality ?? 'image', series?.number, part].filter(Boolean).join('-');
    link.download = `${name}.${choice.format === 'jpeg' ? 'jpg' : 'png'}`;
    link.click();
    setTimeout(() => {
      URL.revokeObjectURL(link.href);
    }, READ_MS);
  }

  return { copyPicture, savePicture };
}
