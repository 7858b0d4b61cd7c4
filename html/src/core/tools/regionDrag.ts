/** A rectangle drawn over the picture, from the press to where the button is let go. */
import type { Point } from '../geometry';
import type { Drag } from './target';

/** Opposite corners in a viewport, CSS px. */
export type Box = readonly [Point, Point];

/** `show` draws the rectangle, null ends it; `take` gets it if something was drawn and not dropped. */
export function regionDrag(at: Point, show: (box: Box | null) => void, take: (box: Box) => void): Drag {
  let box: Box | null = null;
  return {
    move({ x, y }) {
      box = [at, { x, y }];
      show(box);
    },
    end() {
      show(null);
      if (box) take(box);
    },
    cancel() {
      show(null);
    },
  };
}
