/** Draws reference lines and the located point into an SVG group, element by element, past Vue. */
import type { Line, Mark } from './lines';

const SVG = 'http://www.w3.org/2000/svg';
const ARM = 9;
const GAP = 3;

export class LinesLayer {
  private readonly lines: SVGLineElement[] = [];
  private readonly cross: SVGPathElement;
  private readonly distance: SVGTextElement;

  constructor(private readonly group: SVGGElement) {
    this.cross = document.createElementNS(SVG, 'path');
    this.distance = document.createElementNS(SVG, 'text');
    this.distance.setAttribute('class', 'overlay-text cross-distance');
    group.append(this.cross, this.distance);
  }

  draw(lines: readonly Line[], mark: Mark | null, format: (distance: number) => string): void {
    lines.forEach((line, index) => {
      const element = this.lines[index] ?? this.addLine();
      element.setAttribute('x1', line.from.x.toFixed(1));
      element.setAttribute('y1', line.from.y.toFixed(1));
      element.setAttribute('x2', line.to.x.toFixed(1));
      element.setAttribute('y2', line.to.y.toFixed(1));
      element.setAttribute('class', line.current ? 'reference-line' : 'reference-line end');
      element.style.display = '';
    });
    for (const element of this.lines.slice(lines.length)) element.style.display = 'none';
    this.drawMark(mark, format);
  }

  private addLine(): SVGLineElement {
    const element = document.createElementNS(SVG, 'line');
    this.lines.push(element);
    this.group.append(element);
    return element;
  }

  private drawMark(mark: Mark | null, format: (distance: number) => string): void {
    this.cross.style.display = mark ? '' : 'none';
    this.distance.style.display = mark && !mark.onSlice ? '' : 'none';
    if (!mark) return;
    const { x, y } = mark.at;
    const arms = `M${x - ARM} ${y}H${x - GAP}M${x + GAP} ${y}H${x + ARM}M${x} ${y - ARM}V${y - GAP}M${x} ${y + GAP}V${y + ARM}`;
    const ring = `M${x - ARM} ${y}a${ARM} ${ARM} 0 1 0 ${2 * ARM} 0a${ARM} ${ARM} 0 1 0 ${-2 * ARM} 0`;
    this.cross.setAttribute('d', mark.onSlice ? arms : ring);
    this.cross.setAttribute('class', mark.onSlice ? 'cross' : 'cross off');
    if (mark.onSlice) return;
    this.distance.setAttribute('x', String(x + ARM + 4));
    this.distance.setAttribute('y', String(y + 4));
    this.distance.textContent = format(mark.distance);
  }
}
