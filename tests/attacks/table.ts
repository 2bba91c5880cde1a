/** Runs the table of all attacks. Each row is a layout, beginning, command, system call, name and move. */
import { Crew } from './crew.js';
import { violations } from './invariants.js';
import { type Beginning, type Layout, layouts } from './layouts.js';
import { movesAgainst, names, orderOf, type Scene, wayRole } from './moves.js';
import type { Call, Reply, Request } from './protocol.js';
import { sampleEntry, sampleToken } from './sample-entry.js';
import { Stage } from './stage.js';
import { CONFIG, type VictimCommand, victimCommands } from './victim-commands.js';

/** A group of rows with the same layout, beginning and command. */
export interface Group {
  readonly layout: Layout;
  readonly beginning: Beginning;
  readonly command: VictimCommand;
}

export const groups: readonly Group[] = layouts.flatMap((layout) =>
  layout.beginnings.flatMap((beginning) => victimCommands.map((command) => ({ layout, beginning, command }))),
);

/** The results of a group. */
export interface Outcome {
  /** Rows in which the attacker made the move. */
  attacks: number;
  /** Rows in which the system denied the move, or the name did not exist. */
  impossible: number;
  /** Rows that did harm. */
  readonly failures: Failure[];
}

export interface Failure {
  /** The number of the call before which the move is made. */
  readonly where: string;
  readonly move: string;
  readonly what: string;
}

/** Runs groups one at a time, with its own stage, and with a crew that is reused if its users are the same. */
export class Theatre {
  readonly #stage = new Stage();
  #crew: Crew | undefined;
  #castFor = '';

  /**
   * Runs the rows of a group.
   *
   * @param isChosen selects rows by their numbers in the group
   */
  async play(group: Group, isChosen: (row: number) => boolean = () => true): Promise<Outcome> {
    const outcome: Outcome = { attacks: 0, impossible: 0, failures: [] };
    const calls = await this.#rehearse(group, outcome);
    const scene = this.#sceneOf(group);
    const { layout, command } = group;
    const roles = [
      ...(layout.isShared ? names.filter(({ name }) => command.onlyNames?.includes(name) ?? true) : []),
      ...layout.movable.map((path) => wayRole(this.#stage.area, path)),
    ];
    const missing = new Set<string>(); // names that do not exist before a call: they cannot be exchanged
    for (const [row, move] of movesAgainst(calls, roles, scene).entries()) {
      const order = orderOf(move, scene, this.#stage);
      const target = `${move.call} ${move.role.name}`;
      if (order === undefined || missing.has(target) || !isChosen(row)) continue;
      const { call, role, kind } = move;
      const attack = { call, order, isBlink: kind.isBlink === true };
      const { reply, found } = await this.#run(group, { ...this.#request(group), attack });
      if (reply === 'hang' || reply.answer === 'done') outcome.attacks++;
      else outcome.impossible++;
      if (reply !== 'hang' && reply.answer === 'absent' && kind.name !== 'nothing') missing.add(target);
      if (reply !== 'hang' && reply.answer?.startsWith('failed')) found.push(reply.answer);
      if (found.length === 0) continue;
      const where = `before call ${call} (${calls[call]?.name})`;
      outcome.failures.push({ where, move: `${role.name} <- ${kind.name}`, what: found.join('; ') });
    }
    return outcome;
  }

  async close(): Promise<void> {
    await this.#crew?.stop();
    this.#stage.remove();
  }

  /** Runs the command without an attack. @returns the calls that it makes */
  async #rehearse(group: Group, outcome: Outcome): Promise<readonly Call[]> {
    const { reply, found } = await this.#run(group, this.#request(group));
    if (found.length > 0)
      outcome.failures.push({ where: title(group), move: 'undisturbed', what: found.join('; ') });
    return reply === 'hang' ? [] : reply.calls;
  }

  #sceneOf({ layout, beginning }: Group): Scene {
    const config = this.#stage.config(layout);
    return beginning.name === 'link'
      ? { config, directory: `${config}/d`, name: 'name' }
      : { config, directory: config, name: 'service_tokens' };
  }

  async #run(
    { layout, beginning }: Group,
    request: Request,
  ): Promise<{ reply: Reply | 'hang'; found: string[] }> {
    const stage = this.#stage;
    const crew = await this.#cast(layout);
    stage.build(layout, beginning, sampleEntry);
    const before = stage.inventory();
    const reply = await crew.run(request);
    const after = stage.inventory();
    if (after !== before) stage.forgetTreasure();
    if (reply === 'hang') await this.#dismiss();
    return { reply, found: violations(reply, { before, after, leaks: stage.leaks(layout.attacker) }) };
  }

  #request({ layout, command }: Group): Request {
    const config = this.#stage.config(layout);
    return {
      argv: [...command.argv.map((word) => word.replace(CONFIG, config)), '--config-dir', config],
      stdin: command.readsBearer ? `${sampleToken.bearer}\n` : '',
    };
  }

  async #cast({ victim, attacker }: Layout): Promise<Crew> {
    const wanted = JSON.stringify([victim, attacker]);
    if (wanted !== this.#castFor) await this.#dismiss();
    this.#castFor = wanted;
    this.#crew ??= await Crew.start(victim, attacker);
    return this.#crew;
  }

  async #dismiss(): Promise<void> {
    await this.#crew?.stop();
    this.#crew = undefined;
  }
}

export function title({ layout, beginning, command }: Group): string {
  return `${layout.name}; service_tokens ${beginning.name}; ${command.name}`;
}
