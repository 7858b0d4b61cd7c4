/** The wire types that core uses, and the few that are narrower here than in the generated file. */
import type {
  Ack,
  ClientHello,
  Close,
  ImageView,
  Measure,
  MprView,
  Open,
  Percentiles,
  Pick as PointPick,
  Ping,
  Query,
  View,
  VolumeView,
} from '@/api/wire';

export type {
  Answer,
  Closed,
  Cut,
  ErrorMessage,
  Event as ServerEvent,
  GradientPoint,
  ImageView,
  Light,
  Measured,
  MprView,
  Open,
  Opened,
  Percentiles,
  PercentileValues,
  Pick as PointPick,
  Pong,
  Progress,
  Query,
  ServerHello,
  ServerMessage,
  StackFrame,
  StackGeometry,
  TransferPoint,
  VolumeGrid,
  VolumeNotice,
  VolumeProblem,
  VolumeView,
  Window,
} from '@/api/wire';

export type Vector = [number, number, number];
export type Pair = [number, number];
export type ColourMap = ImageView['colour_map'];
export type Blend = MprView['blend'];
export type VolumeMode = VolumeView['mode'];
export type ModelView = Omit<VolumeView, 'kind'>;
export type WindowKind = NonNullable<Open['window']>;
export type Interpolation = ImageView['interpolation'];
export type ViewState = ImageView | MprView | VolumeView;
/** Changed fields of a state; null resets a nullable one. */
export type PatchOf<V extends ViewState> = Partial<Omit<V, 'kind'>>;
export type ViewPatch = PatchOf<ImageView>;
export type PlanePatch = PatchOf<MprView>;
export type ModelPatch = PatchOf<VolumeView>;
export type ViewMessage = Omit<View, 'patch'> & { patch: ViewPatch | PlanePatch | ModelPatch };
/** A question about a shape, without its number. */
export type MeasureQuestion = Omit<Measure, 'type' | 'viewport' | 'id'>;
export type ClientMessage =
  ClientHello | Open | ViewMessage | Ack | Ping | Close | Query | PointPick | Percentiles | Measure;
