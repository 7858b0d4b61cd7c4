import { describe, expect, it, vi } from 'vitest';

import { FrameCache } from '../frameCache';
import { FrameFlag, type FrameHeader, HEADER_LENGTH, parseFrameHeader, Quality } from '../frameHeader';
import { FrameQueue, type Picture, type QueuedFrame } from '../frameQueue';

function header(change: Partial<FrameHeader> = {}): FrameHeader {
  return {
    quality: Quality.Preview,
    mediaType: 'image/jpeg',
    flags: 0,
    viewport: 1,
    sequence: 1,
    width: 10,
    height: 10,
    payloadLength: 4,
    rawLength: 200,
    windowCenter: 40,
    windowWidth: 400,
    sliceIndex: 0,
    serial: 1,
    ...change,
  };
}

function frame(change: Partial<FrameHeader> = {}, fromCache = false, size = 4): QueuedFrame {
  return { header: header(change), payload: new Blob([new Uint8Array(size)]), received: 0, fromCache };
}

describe('frame header', () => {
  const message = new ArrayBuffer(HEADER_LENGTH + 4);
  const view = new DataView(message);
  view.setUint8(0, 1);
  view.setUint8(1, 2);
  view.setUint8(2, 1);
  view.setUint8(3, FrameFlag.LossySource | FrameFlag.Neighbour);
  view.setUint32(4, 7, true);
  view.setUint32(8, 99, true);
  view.setUint16(12, 640, true);
  view.setUint16(14, 480, true);
  view.setUint32(16, 4, true);
  view.setUint32(20, 614400, true);
  view.setFloat32(24, -600, true);
  view.setFloat32(28, 1500, true);
  view.setUint32(32, 12, true);
  view.setUint32(36, 5, true);

  it('is read field by field', () => {
    expect(parseFrameHeader(message)).toEqual({
      quality: Quality.Lossless,
      mediaType: 'image/webp',
      flags: 5,
      viewport: 7,
      sequence: 99,
      width: 640,
      height: 480,
      payloadLength: 4,
      rawLength: 614400,
      windowCenter: -600,
      windowWidth: 1500,
      sliceIndex: 12,
      serial: 5,
    });
  });

  it('refuses what is not a whole frame of this version', () => {
    expect(parseFrameHeader(message.slice(0, 20))).toBeNull();
    expect(parseFrameHeader(message.slice(0, HEADER_LENGTH + 3))).toBeNull();
    const other = message.slice(0);
    new DataView(other).setUint8(0, 2);
    expect(parseFrameHeader(other)).toBeNull();
    const unknown = message.slice(0);
    new DataView(unknown).setUint8(2, 9);
    expect(parseFrameHeader(unknown)).toBeNull();
  });
});

/** A queue whose decoder the test finishes by hand. */
function queue() {
  const decoding: { finish(): void; fail(): void }[] = [];
  const closed = vi.fn();
  const shown: number[] = [];
  const acknowledged: [serial: number, shown: boolean][] = [];
  const failed = vi.fn();
  const made = new FrameQueue<Picture>({
    decode: () =>
      new Promise((resolve, reject) => {
        decoding.push({
          finish: () => {
            resolve({ width: 10, height: 10, close: closed });
          },
          fail: () => {
            reject(new Error('broken'));
          },
        });
      }),
    show: (_, { header: { serial } }) => shown.push(serial),
    done: ({ header: { serial } }, was) => acknowledged.push([serial, was]),
    failed,
  });
  const step = async () => {
    decoding.shift()?.finish();
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { made, decoding, closed, shown, acknowledged, failed, step };
}

describe('frame queue', () => {
  it('decodes one at a time and lets the newest waiting frame win', async () => {
    const { made, decoding, shown, acknowledged, step } = queue();
    for (const serial of [1, 2, 3, 4]) made.push(frame({ sequence: serial, serial }));
    expect(decoding).toHaveLength(1);
    expect(acknowledged).toEqual([
      [2, false],
      [3, false],
    ]);
    await step();
    await step();
    expect(shown).toEqual([1, 4]);
    expect(acknowledged.slice(2)).toEqual([
      [1, true],
      [4, true],
    ]);
  });

  it('never shows an older frame after a newer one', async () => {
    const { made, shown, acknowledged, step } = queue();
    made.push(frame({ sequence: 5, serial: 5 }));
    await step();
    made.push(frame({ sequence: 4, serial: 6 }));
    expect(shown).toEqual([5]);
    expect(acknowledged.at(-1)).toEqual([6, false]);
  });

  it('does not replace a final frame by a preview of the same state', async () => {
    const { made, shown, step } = queue();
    made.push(frame({ sequence: 5, serial: 1, quality: Quality.Lossless }, true));
    await step();
    made.push(frame({ sequence: 5, serial: 2, quality: Quality.Preview }));
    made.push(frame({ sequence: 5, serial: 3, quality: Quality.Lossless }));
    await step();
    expect(shown).toEqual([1, 3]);
  });

  it('replaces even the final picture of a neighbour by a preview of the wanted slice', async () => {
    const { made, shown, step } = queue();
    made.push(frame({ sequence: 5, serial: 1, quality: Quality.Lossless, flags: FrameFlag.Neighbour }));
    await step();
    made.push(frame({ sequence: 5, serial: 2, quality: Quality.Preview }));
    await step();
    expect(shown).toEqual([1, 2]);
  });

  it('closes every decoded picture and goes on after a broken one', async () => {
    const { made, decoding, closed, failed, shown, acknowledged, step } = queue();
    made.push(frame({ sequence: 1, serial: 1 }));
    decoding.shift()?.fail();
    await new Promise((resolve) => setTimeout(resolve));
    expect(failed).toHaveBeenCalledOnce();
    expect(acknowledged).toEqual([[1, false]]);
    made.push(frame({ sequence: 2, serial: 2 }));
    await step();
    expect(shown).toEqual([2]);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('shows any frame after a restart and none after the end', async () => {
    const { made, shown, step } = queue();
    made.push(frame({ sequence: 9, serial: 9 }));
    await step();
    made.restart();
    made.push(frame({ sequence: 1, serial: 1 }));
    await step();
    made.close();
    made.push(frame({ sequence: 10, serial: 10 }));
    await step();
    expect(shown).toEqual([9, 1]);
  });
});

describe('frame cache', () => {
  it('keeps the best picture of a state and forgets the oldest first', () => {
    const cache = new FrameCache(2, 100);
    cache.put('a', frame({ quality: Quality.Lossless }));
    cache.put('a', frame({ quality: Quality.Preview }));
    expect(cache.get('a')?.header.quality).toBe(Quality.Lossless);
    cache.put('b', frame());
    cache.get('a');
    cache.put('c', frame());
    expect([cache.get('a'), cache.get('b'), cache.get('c')].map((entry) => entry !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('stays below its bytes', () => {
    const cache = new FrameCache(64, 100);
    for (let key = 0; key < 20; key += 1) cache.put(String(key), frame({}, false, 30));
    expect(cache.bytes).toBe(90);
    expect(cache.size).toBe(3);
    cache.put('large', frame({}, false, 101));
    expect(cache.get('large')).toBeUndefined();
  });
});
