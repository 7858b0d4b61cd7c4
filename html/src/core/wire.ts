/** The wire types that core uses, and the few that are narrower here than in the generated file. */
import type { Ack, ClientHello, Close, ImageView, Open, Query, View } from '@/api/wire';

export type {
  Answer,
  Closed,
  ErrorMessage,
  Event as ServerEvent,
  ImageView,
  Opened,
  Progress,
  ServerHello,
  ServerMessage,
  StackFrame,
  StackGeometry,
  Window,
} from '@/api/wire';

export type Vector = [number, number, number];
export type Pair = [number, number];
export type ColourMap = ImageView['colour_map'];
export type Interpolation = ImageView['interpolation'];
/** Changed fields of a state; null resets a nullable one. */
export type ViewPatch = Partial<Omit<ImageView, 'kind'>>;
export type ViewMessage = Omit<View, 'patch'> & { patch: ViewPatch };
export type ClientMessage = ClientHello | Open | ViewMessage | Ack | Close | Query;
