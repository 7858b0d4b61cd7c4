/** A field over a viewport, in which the label of a shape is typed. */
import './measure.css';

import type { Point } from '@/core/geometry';
import { text } from '@/i18n';

const MOST = 64;
const EDGE = 8;

/** Enter and leaving the field keep what was typed, Escape does not; then the viewport has the focus again. */
export function editLabel(host: HTMLElement, at: Point, label: string, keep: (label: string) => void): void {
  const field = document.createElement('input');
  field.className = 'measure-field';
  field.value = label;
  field.maxLength = MOST;
  field.setAttribute('aria-label', text('viewer.measure.label'));
  let open = true;
  const close = (kept: boolean): void => {
    if (!open) return;
    open = false;
    const value = field.value.trim();
    field.remove();
    host.focus({ preventScroll: true });
    if (kept) keep(value);
  };
  field.addEventListener('keydown', (event) => {
    event.stopPropagation();
    if (event.key === 'Enter' || event.key === 'Escape') {
      event.preventDefault();
      close(event.key === 'Enter');
    }
  });
  for (const name of ['pointerdown', 'pointermove', 'pointerup', 'wheel'] as const) {
    field.addEventListener(name, (event) => {
      event.stopPropagation();
    });
  }
  field.addEventListener('blur', () => {
    close(true);
  });
  host.append(field);
  field.style.left = `${Math.max(EDGE, Math.min(at.x, host.clientWidth - field.offsetWidth - EDGE))}px`;
  field.style.top = `${Math.max(EDGE, Math.min(at.y, host.clientHeight - field.offsetHeight - EDGE))}px`;
  field.select();
  field.focus({ preventScroll: true });
}
