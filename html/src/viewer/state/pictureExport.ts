/** The viewport as a picture: the received frame with the texts and lines over it. */
import type { AnyViewport } from '@/core/connection';
import type { ViewportController } from '@/core/viewport';

const WAIT_MS = 8_000;

/** Resolves when the final frame of the present state is on the canvas; rejects after a while. */
export function finalFrame(viewport: AnyViewport): Promise<void> {
  if (viewport.settled) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      if (!viewport.settled) return;
      stop();
      clearTimeout(timer);
      resolve();
    };
    // All kinds of viewports tell it alike.
    const stop = (viewport as ViewportController).on('shown', finish);
    const timer = setTimeout(() => {
      stop();
      reject(new Error('no final frame'));
    }, WAIT_MS);
  });
}

export type PictureFormat = 'png' | 'jpeg';

/** So little is lost that nobody takes it for a finding; who needs every pixel saves PNG. */
const JPEG_QUALITY = 0.95;

/** Draws canvas and overlay of a viewport into one picture at the size of the received frame. */
export async function picture(
  viewport: AnyViewport,
  overlay: SVGSVGElement | null,
  format: PictureFormat = 'png',
): Promise<Blob> {
  await finalFrame(viewport);
  const { canvas, devicePixelRatio } = viewport;
  const target = new OffscreenCanvas(canvas.width, canvas.height);
  const context = target.getContext('2d');
  if (!context) throw new Error('no canvas');
  context.drawImage(canvas, 0, 0);
  context.scale(devicePixelRatio, devicePixelRatio);
  if (overlay) drawOverlay(context, overlay);
  return target.convertToBlob({ type: `image/${format}`, quality: JPEG_QUALITY });
}

/** Texts, lines and paths of the overlay; what the page hides is left out. */
function drawOverlay(context: OffscreenCanvasRenderingContext2D, overlay: SVGSVGElement): void {
  const origin = overlay.getBoundingClientRect();
  for (const element of overlay.querySelectorAll<SVGGraphicsElement>('text, path, line')) {
    const style = getComputedStyle(element);
    if (style.display === 'none' || style.visibility === 'hidden' || element.closest('[data-screen-only]')) continue;
    const matrix = element.getScreenCTM();
    if (!matrix) continue;
    context.save();
    context.transform(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e - origin.x, matrix.f - origin.y);
    if (element instanceof SVGTextElement) drawText(context, element, style);
    else drawShape(context, element, style);
    context.restore();
  }
}

function drawText(
  context: OffscreenCanvasRenderingContext2D,
  element: SVGTextElement,
  style: CSSStyleDeclaration,
): void {
  const x = element.x.baseVal.numberOfItems > 0 ? element.x.baseVal.getItem(0).value : 0;
  const y = element.y.baseVal.numberOfItems > 0 ? element.y.baseVal.getItem(0).value : 0;
  const anchors: Record<string, CanvasTextAlign> = { start: 'left', middle: 'center', end: 'right' };
  context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.textAlign = anchors[style.textAnchor] ?? 'left';
  context.lineJoin = 'round';
  context.lineWidth = 3;
  context.strokeStyle = '#000';
  context.fillStyle = style.fill;
  const text = element.textContent ?? '';
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

function drawShape(
  context: OffscreenCanvasRenderingContext2D,
  element: SVGGraphicsElement,
  style: CSSStyleDeclaration,
): void {
  const path =
    element instanceof SVGLineElement
      ? new Path2D(
          `M${element.x1.baseVal.value} ${element.y1.baseVal.value}L${element.x2.baseVal.value} ${element.y2.baseVal.value}`,
        )
      : new Path2D(element.getAttribute('d') ?? '');
  if (style.fill !== 'none' && !(element instanceof SVGLineElement)) {
    context.fillStyle = style.fill;
    context.fill(path);
  }
  if (style.stroke === 'none') return;
  context.strokeStyle = style.stroke;
  context.lineWidth = Number.parseFloat(style.strokeWidth) || 1;
  context.setLineDash(style.strokeDasharray === 'none' ? [] : style.strokeDasharray.split(',').map(Number.parseFloat));
  context.stroke(path);
}
