import type { Columns } from "./candidates.js";
import { Core, type Described, type Glue } from "./core.js";
import { Refusal, textOf } from "./refusal.js";
import { checked, type Scored, scoreOn } from "./score.js";

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
  /** Why there is none: what the core refused, or `trap`. */
  readonly error?: { readonly reason: Refusal["reason"]; readonly message: string };
}

/** The worker's side: does what `Remote` asks, over a flavour's glue. */
export function serve(glue: Glue): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<{ id: number; job: LoadJob | RankJob }>) => void;
    postMessage(reply: Reply): void;
  };
  let core: Core;

  const answer = async (job: LoadJob | RankJob): Promise<Described | Scored> => {
    if ("module" in job) {
      const { module, model } = job;
      glue.start({ module });
      core = checked(new Core(glue, model));
      return core.describe();
    }
    core.setProfile(job.profile, job.at);
    return scoreOn(core, job.columns, job.space, job.policy, job.at);
  };

  scope.onmessage = async ({ data: { id, job } }) => {
    try {
      scope.postMessage({ id, result: await answer(job) });
    } catch (error) {
      const { reason, message } = error instanceof Refusal ? error : new Refusal("trap", textOf(error));
      scope.postMessage({ id, error: { reason, message } });
    }
  };
  scope.postMessage({ id: 0 });
}
