/** What the rows of the tool table do in the MPR and Volume windows. */
import { STANDARD_VIEWS, type StandardView, turnModel } from '@/core/camera';
import { nextSlabMode, rollPlane, setSlabMode, stepThickness, withPlane } from '@/core/planes';
import { choosePreset, missingPreset, presetsOf } from '@/core/presets';
import { AUTOMATIC, nextFileWindow, windowBy } from '@/core/levels';
import { TOOL_TABLE } from '@/core/tools/table';
import { volumePresetsOf } from '@/core/volumePresets';
import { smallestSpacing } from '@/core/volumeSpace';
import type { ModelViewport, PlaneViewport } from '@/core/volumeViewport';
import type { Vector, VolumeMode } from '@/core/wire';

import type { Action } from './actions';
import type { VolumeWindow } from './volumeWindow';
import { stepVolumeSeries } from './windowSwitch';
import type { Workspace } from './workspace';

const NO_PICTURE = 'viewer.reason.no_picture';
const ZOOM_STEP = 1.25;
const SMALL_TURN = 5;
const LARGE_TURN = 90;
const PAGE_SLICES = 10;
/** More than any volume has. */
const TO_THE_END = 1e5;
export const VOLUME_MODES: readonly VolumeMode[] = ['composite', 'mip', 'minip', 'mean'];
/** Without Hounsfield units the body cannot be told from the table. */
const CT_ONLY = 'viewer.reason.ct_only';
const NOT_HERE = 'viewer.reason.not_in_window';

type OnPlane = (window: VolumeWindow, viewport: PlaneViewport) => void;
type OnModel = (window: VolumeWindow, viewport: ModelViewport) => void;

export class VolumeActions {
  readonly table: Readonly<Record<string, Action>>;

  constructor(
    private readonly workspace: Workspace,
    private readonly window: VolumeWindow,
  ) {
    this.table = {
      ...this.picture(),
      ...this.navigation(),
      ...this.arrangement(),
      ...this.planes(),
      ...this.model(),
    };
  }

  /** An action of either kind of pane; a kind that is left out cannot do it. */
  private act(plane: OnPlane | null, model: OnModel | null = null, checked?: (window: VolumeWindow) => boolean): Action {
    return {
      run: () => {
        const { window } = this;
        const viewport = window.active;
        if (viewport.kind === 'mpr') plane?.(window, viewport);
        else model?.(window, viewport);
      },
      blocked: () => {
        const { window } = this;
        if (!window.session.linked) return NO_PICTURE;
        return (window.kind === 'mpr' ? plane : model) ? null : NOT_HERE;
      },
      ...(checked && {
        checked: () => {
          const { window } = this;
          return window.state.changes >= 0 && checked(window);
        },
      }),
    };
  }

  private both(run: (window: VolumeWindow) => void, checked?: (window: VolumeWindow) => boolean): Action {
    return this.act(run, run, checked);
  }

  private picture(): Record<string, Action> {
    const invert = ({ session, active }: VolumeWindow): void => {
      session.setLook({ invert: !active.view.invert }, active);
    };
    const zoom = (factor: number): Action =>
      this.both(({ host, session, active }) => {
        host.zoomAt(session, active, factor, { x: active.size.width / 2, y: active.size.height / 2 });
      });
    const turn = (degrees: number): Action =>
      this.act(({ session }, { plane }) => {
        if (session.linked) session.changePlanes(rollPlane(session.linked, plane, degrees), plane);
      });
    return {
      ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((key) => [`preset.${key}`, this.preset(key)])),
      invert: {
        ...this.act(invert, invert, ({ active }) => active.view.invert),
        blocked: () =>
          this.window.kind === 'volume' && this.window.session.model.view.mode === 'composite' ? NOT_HERE : null,
      },
      'rot.cw': turn(90),
      'rot.ccw': turn(-90),
      fit: this.act(
        ({ session }, { plane }) => {
          session.fit(plane);
        },
        ({ session }) => {
          session.fitModel();
        },
      ),
      one2one: this.act(({ session }, viewport) => {
        const { grid, linked } = session;
        if (!grid || !linked) return;
        const side = Math.min(viewport.size.width, viewport.size.height) * viewport.devicePixelRatio;
        session.setPlanes(withPlane(linked, viewport.plane, { extent: side * smallestSpacing(grid) }), viewport.plane, true);
      }),
      'reset.view': this.both(({ session, state }) => {
        session.resetView(state.active);
      }),
      'wl.auto': this.act(({ session }, viewport) => {
        const voi = nextFileWindow(viewport.view, viewport.stack?.windows.length ?? 0);
        if (voi !== null) session.setLook({ window: null, voi }, viewport);
        else
          void windowBy(viewport, AUTOMATIC).then((window) => {
            if (window) session.setLook({ window }, viewport);
          });
      }),
      'zoom.in': zoom(ZOOM_STEP),
      'zoom.out': zoom(1 / ZOOM_STEP),
    };
  }

  /** Window preset n of a plane, 3D preset n of the model. */
  private preset(key: number): Action {
    const act = this.act(
      ({ session }, viewport) => {
        const found =
          session.opened && presetsOf(session.opened, viewport.appliedWindow).find((entry) => entry.key === key);
        if (!found) return;
        void choosePreset(viewport, found, ({ window = null, voi = 0, colour_map }) => {
          session.setLook({ window, voi, ...(colour_map && { colour_map }) }, viewport);
        });
      },
      ({ session }) => {
        const found = session.opened && volumePresetsOf(session.opened).find((entry) => entry.key === key);
        if (found) session.model.show(found.look);
      },
    );
    return {
      ...act,
      blocked: () => {
        const { opened } = this.window.session;
        const { active } = this.window;
        if (!opened) return NO_PICTURE;
        if (active.kind === 'mpr') return act.blocked?.() ?? missingPreset(opened, active.appliedWindow, key);
        return volumePresetsOf(opened).some((entry) => entry.key === key) ? null : 'viewer.reason.no_preset';
      },
    };
  }

  private navigation(): Record<string, Action> {
    const go = (steps: number, right: number, down: number): Action =>
      this.act(
        ({ session }, viewport) => {
          viewport.nudge();
          session.scroll(viewport.plane, steps);
        },
        (window, viewport) => {
          window.stop();
          viewport.nudge();
          const { session } = window;
          session.setCamera(turnModel(session.camera, right, down, session.pivot));
        },
      );
    const plane = (steps: number): Action => ({ ...go(steps, 0, 0), blocked: this.act(() => undefined).blocked! });
    const model = (right: number): Action => ({
      ...go(0, right, 0),
      blocked: this.act(null, () => undefined).blocked!,
    });
    // On planes to the next measurement, of the model to its side.
    const mark = (direction: 1 | -1): Action => {
      const turn = model(direction * LARGE_TURN);
      const { measuring } = this.workspace;
      return this.act(() => measuring.loaded?.goToNext(direction), turn.run);
    };
    const absent: Action = { run: () => undefined, blocked: () => NOT_HERE };
    return {
      'nav.prev': go(-1, 0, -SMALL_TURN),
      'nav.next': go(1, 0, SMALL_TURN),
      'nav.prev10': go(-PAGE_SLICES, 0, -LARGE_TURN),
      'nav.next10': go(PAGE_SLICES, 0, LARGE_TURN),
      'nav.first': plane(-TO_THE_END),
      'nav.last': plane(TO_THE_END),
      'nav.left': model(-SMALL_TURN),
      'nav.right': model(SMALL_TURN),
      'nav.mark.prev': mark(-1),
      'nav.mark.next': mark(1),
      'nav.goto': absent,
      refline: absent,
      'sync.view': absent,
      'sync.wl': absent,
      'cine.faster': absent,
      'cine.slower': absent,
      'cine.mode': absent,
      cine: this.both(
        (window) => {
          window.togglePlaying();
        },
        ({ state }) => state.playing,
      ),
    };
  }

  private arrangement(): Record<string, Action> {
    const layouts = TOOL_TABLE.filter(({ id, windows }) => id.startsWith('layout.') && windows.includes('mpr')).map(
      ({ id }) => {
        const layout = id.slice('layout.'.length);
        const action: Action = {
          run: () => this.window.setLayout(layout),
          checked: () => this.window.state.layout.id === layout,
        };
        return [id, action] as const;
      },
    );
    const several = (): string | null =>
      this.window.state.panes.length > 1 ? null : 'viewer.reason.one_viewport';
    const step = (direction: 1 | -1): Action => ({ run: () => this.window.step(direction), blocked: several });
    const series = (direction: 1 | -1): Action => ({
      run: () => {
        stepVolumeSeries(this.workspace, direction);
      },
    });
    return {
      ...Object.fromEntries(layouts),
      'series.prev': series(-1),
      'series.next': series(1),
      'viewport.next': step(1),
      'viewport.prev': step(-1),
      'viewport.max': {
        run: () => this.window.toggleMaximised(),
        blocked: several,
        checked: () => this.window.state.maximised === true,
      },
    };
  }

  private planes(): Record<string, Action> {
    const thickness = (direction: 1 | -1): Action =>
      this.act(({ session }, viewport) => {
        viewport.nudge();
        if (session.linked) session.setPlanes(stepThickness(session.linked, viewport.plane, direction), viewport.plane);
      });
    return {
      'mpr.mode': this.act(
        ({ session }, { plane }) => {
          const { linked } = session;
          if (linked) session.setPlanes(setSlabMode(linked, plane, nextSlabMode(linked.planes[plane].mode)), plane);
        },
        (_, viewport) => {
          const next = VOLUME_MODES[(VOLUME_MODES.indexOf(viewport.view.mode) + 1) % VOLUME_MODES.length];
          if (next) viewport.show({ mode: next });
        },
      ),
      'mpr.thicker': thickness(1),
      'mpr.thinner': thickness(-1),
      'mpr.ortho': this.act(
        ({ session }) => {
          const { linked } = session;
          if (linked) session.setPlanes({ ...linked, ortho: !linked.ortho });
        },
        null,
        ({ session }) => session.linked?.ortho ?? true,
      ),
      'mpr.reset': this.act(
        ({ session }) => {
          session.reset();
        },
        (window) => {
          window.stop();
          window.session.resetCamera();
        },
      ),
    };
  }

  private model(): Record<string, Action> {
    const views = (Object.keys(STANDARD_VIEWS) as StandardView[]).map((view) => [
      `vol.view.${view}`,
      this.act(null, (window) => {
        window.lookFrom([...STANDARD_VIEWS[view]] as Vector);
      }),
    ]);
    const toggle = (change: OnModel, checked: (view: ModelViewport['view']) => boolean): Action =>
      this.act(null, change, ({ session }) => checked(session.model.view));
    return {
      ...(Object.fromEntries(views) as Record<string, Action>),
      'vol.persp': toggle(
        (_, viewport) => {
          viewport.show({ perspective: !viewport.view.perspective });
        },
        ({ perspective }) => perspective,
      ),
      'vol.shading': toggle(
        ({ session }, viewport) => {
          const lit = session.opened && volumePresetsOf(session.opened).find(({ look }) => look.light)?.look.light;
          viewport.show({ light: viewport.view.light ? null : (lit ?? null) });
        },
        ({ light }) => light !== null,
      ),
      'vol.table': {
        ...toggle(
          ({ session }, viewport) => {
            session.changeMasks({ hide_table: !viewport.view.hide_table });
          },
          ({ hide_table }) => hide_table,
        ),
        blocked: () => (this.window.session.opened?.modality === 'CT' ? null : CT_ONLY),
      },
      'vol.crop': {
        run: () => {
          const { window } = this;
          window.state.box = !window.state.box;
          this.workspace.linesMoved();
        },
        blocked: () => (this.window.session.linked ? null : NO_PICTURE),
        checked: () => this.window.state.box === true,
      },
      'vol.restore': this.act(null, ({ session }) => {
        session.restoreAll();
      }),
    };
  }
}
