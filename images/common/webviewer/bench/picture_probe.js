// Watches a page from outside: when the hand moved, what the page asked for, and when the picture that answers was drawn.
// Times are milliseconds of the page's clock (performance.now).
(() => {
  const HEADER_LENGTH = 40;
  const INPUTS = ['wheel', 'pointermove', 'pointerup'];
  const probe = { asked: [], drawn: [], received: 0, bytes: 0, mostHeld: 0, lastInput: 0 };
  window.__probe = probe;
  let oldestInput = null;
  let batch = { moment: -1, input: null };
  let held = 0;

  for (const name of INPUTS) {
    addEventListener(
      name,
      (event) => {
        if (name === 'pointermove' && event.buttons === 0) return;
        oldestInput ??= event.timeStamp;
        probe.lastInput = event.timeStamp;
      },
      { capture: true, passive: true },
    );
  }
  addEventListener('picture', ({ detail }) => {
    probe.drawn.push([detail.viewport, detail.sequence, detail.quality, detail.serial, performance.now()]);
  });

  // Views of one animation frame answer the same movement of the hand: a crosshair moves two planes.
  const asked = ({ viewport, sequence, active }) => {
    const moment = document.timeline.currentTime;
    if (moment !== batch.moment || oldestInput !== null) batch = { moment, input: oldestInput };
    oldestInput = null;
    probe.asked.push([viewport, sequence, active, batch.input]);
  };
  const received = ({ data }) => {
    if (!(data instanceof ArrayBuffer) || data.byteLength < HEADER_LENGTH) return;
    probe.received += 1;
    probe.bytes += data.byteLength;
    held += 1;
    probe.mostHeld = Math.max(probe.mostHeld, held);
  };
  window.WebSocket = class extends WebSocket {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener('message', received);
    }

    send(text) {
      super.send(text);
      const message = JSON.parse(text);
      if (message.type === 'view') asked(message);
      if (message.type === 'ack') held -= 1;
    }
  };
})();
