import type { Reranker as Base, Reason } from "../types.js";
import type { Inspecting } from "./flavour.js";

/** A reranker of the full flavour. */
export interface Reranker extends Base, Inspecting {}

/** A model and its last ranking. */
export interface Inspection {
  /** What runs the model. */
  readonly engine: "tract";
  /** What the model's file says it wants. */
  readonly contract: {
    /** The contract's version. */
    readonly version: string;
    /** The model's name. */
    readonly id: string;
    /** The name of its vector space. */
    readonly space: string;
    /** Numbers in a vector. */
    readonly dimension: number;
    /** Features, in the order of the columns. */
    readonly features: readonly string[];
    /** Clicks at which half of the strength is reached. */
    readonly k: number;
  };
  /** What the file holds. */
  readonly model: {
    /** Its size. */
    readonly bytes: number;
    /** Versions of the operator sets by domain; ONNX's own is `ai.onnx`. */
    readonly opsets: Readonly<Record<string, number>>;
    /** How often each operator stands in the graph. */
    readonly operators: Readonly<Record<string, number>>;
    /** Numbers in all constant tensors. */
    readonly weights: number;
    /** The graph's inputs. */
    readonly inputs: readonly Value[];
    /** The graph's outputs. */
    readonly outputs: readonly Value[];
  };
  /**
   * The last ranking of any reranker with this model and store; absent before the first, after one that failed, and once the history
   * was erased.
   */
  readonly ranking?: RankingInspection;
}

/** An input or output of the graph. */
export interface Value {
  /** Its name. */
  readonly name: string;
  /** Each dimension a number or the file's name for it, such as `N`; absent where the file does not say. */
  readonly shape?: readonly (number | string)[];
}

/** A ranking from within. */
export interface RankingInspection {
  /** What it came to. */
  readonly reason: Reason;
  /** Weight of the personal part; 0 unless `ranked`. */
  readonly weight: number;
  /** Clicks, weighted by reading time. */
  readonly evidence: number;
  /** Clicked stories that have a vector. */
  readonly history: number;
  /** Stories that the model scored. */
  readonly scored: number;
  /** One a ranked story, in the server's order. */
  readonly items: readonly ItemInspection[];
  /** Milliseconds that its parts took in WebAssembly: taking the list in, features, model, blend and order. */
  readonly timings: {
    readonly take: number;
    readonly features: number;
    readonly model: number;
    readonly order: number;
    readonly total: number;
  };
}

/** One story of it. */
export interface ItemInspection {
  /** The story. */
  readonly id: string;
  /** The server's log-odds of a click. */
  readonly serverLogit: number;
  /** The model's number less the list's mean; 0 for a story it does not score. */
  readonly personal: number;
  /** The features' values by name. */
  readonly features: Readonly<Record<string, number>>;
  /**
   * For each feature, the story's score less the score it gets when that feature is, for all scored stories at once, replaced by its
   * mean over them. Absent for a story the model did not score.
   */
  readonly contributions?: Readonly<Record<string, number>>;
}
