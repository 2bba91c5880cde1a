/** The messages between the three processes of an attack: the stage (crew.ts), the victim and the attacker. */

export interface Identity {
  readonly uid: number;
  /** The first is the main one. */
  readonly groups: readonly [number, ...number[]];
}

/** The words of an order to attacker.pl. */
export type Order = readonly string[];

/** A command for the victim, and the attack during it. */
export interface Request {
  readonly argv: readonly string[];
  readonly stdin: string;
  /** The number of the system call, from 0, before which the order is given; undefined for no attack. */
  readonly attack?: { readonly call: number; readonly order: Order; readonly isBlink: boolean };
}

/** A system call of the command. */
export interface Call {
  readonly name: string;
  /** Its arguments that are file names. */
  readonly paths: readonly string[];
}

/** The result of a command. */
export interface Reply {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly calls: readonly Call[];
  /** The attacker's answer; undefined if the command ended before the call. */
  readonly answer: string | undefined;
  /** The data written to the pipes that the attacker held open. */
  readonly heard: string;
}

/** The victim's descriptors for the pipes to the attacker. */
export const ORDERS_FD = 4;
export const ANSWERS_FD = 5;
