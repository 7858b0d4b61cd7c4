/** What presses do in the Image window. */
import type { GestureHost } from './gestures';
import { panTo, POINTER_TOOLS, zoomAround } from './pointerTools';
import type { ToolServices, ToolTarget } from './target';

export function imageHost(services: ToolServices): GestureHost<ToolTarget> {
  return {
    begin: (target, tool, at) => POINTER_TOOLS[tool]?.(target, at, services) ?? services.draw(target, tool, at),
    grab: (target, button, at, touch) => (button === 'L' ? services.grab(target, at, touch) : null),
    keep(target) {
      const { kind: _, ...before } = target.view;
      return () => {
        target.patch(before);
      };
    },
    fingers(target, middle) {
      const source = target.sourceAt(middle);
      const first = target.index;
      return {
        move(at, factor) {
          if (source === null) return;
          if (factor !== 1) zoomAround(target, factor, at);
          panTo(target, { x: source[0], y: source[1] }, at);
        },
        scroll(steps) {
          target.goTo(first + steps);
        },
      };
    },
  };
}
