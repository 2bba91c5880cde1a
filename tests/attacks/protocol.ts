/** What the three processes of an attack say to each other: the stage (crew.ts), the victim and the attacker. */

export interface Identity {
  readonly uid: number;
  /** The first is the main one. */
  readonly groups: readonly [number, ...number[]];
}

/** A move, as attacker.pl takes it: the words of an order. */
export type Order = readonly string[];

/** A command for the victim, and what the attacker does meanwhile. */
export interface Request {
  readonly argv: readonly string[];
  readonly stdin: string;
  /** The number of the system call, from 0 on, before which the order is given; without it nobody interferes. */
  readonly attack?: { readonly call: number; readonly order: Order; readonly isBlink: boolean };
}

/** A system call of the command. */
export interface Call {
  readonly name: string;
  /** Its arguments that are names of files. */
  readonly paths: readonly string[];
}

/** What became of a command. */
export interface Reply {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly calls: readonly Call[];
  /** The attacker's answer; undefined when the command ended before the call. */
  readonly answer: string | undefined;
  /** What came out of the pipes that the attacker held open. */
  readonly heard: string;
}

/** The descriptors by which the victim reaches the attacker. */
export const ORDERS_FD = 4;
export const ANSWERS_FD = 5;
