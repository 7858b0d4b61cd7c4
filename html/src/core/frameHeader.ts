/** The binary frame: 40 bytes little-endian, then the encoded picture. The server's `wire/frame.py` is the source. */

export const FRAME_VERSION = 1;
export const HEADER_LENGTH = 40;

export const Quality = { Preview: 0, Final: 1, Lossless: 2 } as const;
export type Quality = (typeof Quality)[keyof typeof Quality];

export const FrameFlag = { LossySource: 1, Reduced: 2, Neighbour: 4, Colour: 8 } as const;

const MEDIA_TYPES = ['image/jpeg', 'image/webp', 'image/png'] as const;
export type MediaType = (typeof MEDIA_TYPES)[number];

export interface FrameHeader {
  readonly quality: Quality;
  readonly mediaType: MediaType;
  readonly flags: number;
  readonly viewport: number;
  /** Sequence of the newest `view` merged into the picture. */
  readonly sequence: number;
  readonly width: number;
  readonly height: number;
  readonly payloadLength: number;
  /** Bytes of the same picture at stored depth. */
  readonly rawLength: number;
  readonly windowCenter: number;
  readonly windowWidth: number;
  /** Slice shown, in display order. */
  readonly sliceIndex: number;
  /** What `ack` names. */
  readonly serial: number;
}

/** Reads the header; null for anything that is not a whole frame of this version. */
export function parseFrameHeader(message: ArrayBuffer): FrameHeader | null {
  if (message.byteLength < HEADER_LENGTH) return null;
  const view = new DataView(message);
  const quality = view.getUint8(1);
  const mediaType = MEDIA_TYPES[view.getUint8(2)];
  const payloadLength = view.getUint32(16, true);
  if (view.getUint8(0) !== FRAME_VERSION || quality > Quality.Lossless || mediaType === undefined) return null;
  if (message.byteLength !== HEADER_LENGTH + payloadLength) return null;
  return {
    quality: quality as Quality,
    mediaType,
    flags: view.getUint8(3),
    viewport: view.getUint32(4, true),
    sequence: view.getUint32(8, true),
    width: view.getUint16(12, true),
    height: view.getUint16(14, true),
    payloadLength,
    rawLength: view.getUint32(20, true),
    windowCenter: view.getFloat32(24, true),
    windowWidth: view.getFloat32(28, true),
    sliceIndex: view.getUint32(32, true),
    serial: view.getUint32(36, true),
  };
}
