import { createArchive } from '@/api/studies';
import { url } from '@/api/client';

/** Let the browser save the files of a study as a ZIP. Throws ApiError; what happens later is told by the browser. */
export async function downloadStudy(study: string): Promise<void> {
  const archive = await createArchive(study);
  const link = document.createElement('a');
  link.href = url(archive.url.slice(1));
  link.download = '';
  link.click();
}
