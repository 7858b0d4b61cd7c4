import type { ScaleBar } from '@/core/geometry';

import { short, type Translate } from './texts';

/** Length of a bar in the unit that gives it one or two digits before the point. */
export function scaleBarText({ value, unit }: ScaleBar, t: Translate): string {
  if (unit === 'px') return `${short(value, 0)} ${t('viewer.unit.px')}`;
  if (value >= 10) return `${short(value / 10, 0)} ${t('viewer.unit.cm')}`;
  if (value >= 0.1) return `${short(value, 1)} ${t('viewer.unit.mm')}`;
  return `${short(value * 1000, 3)} ${t('viewer.unit.um')}`;
}

/** SVG path of an upright bar of `length` px with ticks at its fifths; `right` is its edge, in the middle of `height`. */
export function scaleBarPath(length: number, right: number, height: number): string {
  const top = (height - length) / 2;
  const ticks = [1, 2, 3, 4].map((tick) => `M${right - 4} ${top + (tick * length) / 5}H${right}`).join('');
  return `M${right - 8} ${top}H${right}V${top + length}H${right - 8}${ticks}`;
}
