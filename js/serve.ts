import type { Columns } from "./candidates.js";
import type { Core } from "./nearside.js";
import { checked, type Described, describe, type Scored, scoreOn } from "./score.js";

/** The wasm glue of one flavour: its default export, and its core. */
export interface Glue {
  init(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;
  readonly Core: new (model: Uint8Array) => Core;
}

/** Comes first, once: what to rank with. Answered by a `Described`. */
export interface LoadJob {
  readonly module: WebAssembly.Module;
  readonly model: Uint8Array;
}

/** One ranking. Answered by a `Scored`. */
export interface RankJob {
  readonly columns: Columns;
  /** The list's vector space. */
  readonly space: string;
  readonly policy: Float64Array;
  /** The whole history, as bytes: a ranking depends on nothing that came before it. */
  readonly profile: Uint8Array;
  /** Now, in milliseconds since 1970. */
  readonly at: number;
}

/** What the worker says: first, with id 0, that its script runs; then one answer to each job, in turn. */
export interface Reply {
  readonly id: number;
  readonly result?: Described | Scored;
  /** What the core threw; a trap has a name that is none of the core's. */
  readonly error?: { readonly name: string; readonly message: string };
}

/** The worker's side: does what `Remote` asks, with the glue it is given. */
export function serve({ init, Core }: Glue): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<{ id: number; job: LoadJob | RankJob }>) => void;
    postMessage(reply: Reply): void;
  };
  let core: Core;

  const answer = async (job: LoadJob | RankJob): Promise<Described | Scored> => {
    if ("module" in job) {
      await init({ module_or_path: job.module });
      core = checked(new Core(job.model));
      return describe(core);
    }
    core.setProfile(job.profile, job.at);
    return scoreOn(core, job.columns, job.space, job.policy, job.at);
  };

  scope.onmessage = async ({ data: { id, job } }) => {
    try {
      scope.postMessage({ id, result: await answer(job) });
    } catch (error) {
      const { name, message } = error as Error;
      scope.postMessage({ id, error: { name: String(name), message: String(message) } });
    }
  };
  scope.postMessage({ id: 0 });
}
