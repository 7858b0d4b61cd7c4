/** Where the surface of the model lies under a point of the screen: the server follows the ray. */
import type { Point } from '@/core/geometry';
import type { ModelViewport } from '@/core/volumeViewport';
import type { Vector } from '@/core/wire';

const PAUSE_MS = 40;
/** The viewport answers one question at a time, to whoever asks. */
const ATTEMPTS = 50;

/** LPS, mm; null where the ray meets nothing that can be seen, or nobody answers. `wanted` ends it early. */
export async function surfacePoint(viewport: ModelViewport, at: Point, wanted: () => boolean): Promise<Vector | null> {
  for (let attempt = 0; attempt < ATTEMPTS && wanted(); attempt += 1) {
    const answer = await viewport.pick(at);
    if (answer) return answer.point;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return null;
}
