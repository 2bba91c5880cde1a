/** A workplace for the recipes in docs/recipes: they run unchanged, with stand-ins for programs that act elsewhere. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { ServiceToken } from '../../src/token/token.js';
import { BIN, type Finished, run } from './commands.js';
import { projectRoot } from './fixtures.js';
import { pythonWithYaml } from './programs.js';

/** A parsed document; a test that reads a missing field fails. */
export type Parsed = ReturnType<typeof JSON.parse>;

/** Returns the path of a recipe. */
export const recipe = (name: string) => join(projectRoot, 'docs/recipes', name);

/** The file names of the recipes, without the index. */
export const recipeNames = readdirSync(recipe(''), { recursive: true, encoding: 'utf8' })
  .filter((name) => name !== 'README.md' && lstatSync(recipe(name)).isFile())
  .sort();

/** A directory with the tool and the stand-ins first on its PATH. */
export class Workplace {
  readonly #path: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(this.at('bin'));
    symlinkSync(BIN, this.at('bin/elasticsearch-service-tokens'));
    writeFileSync(this.at('calls'), '');
    const { ES_PATH_CONF, ES_HOME, ...env } = process.env;
    const own = { HOME: path, TMPDIR: path, BASE: path, LC_ALL: 'C.UTF-8', NODE_NO_WARNINGS: '1' };
    this.#env = { ...env, ...own, PATH: `${this.at('bin')}:${process.env['PATH']}` };
  }

  at(name: string): string {
    return join(this.#path, name);
  }

  /** Reads a file. */
  read(name: string): string {
    return readFileSync(this.at(name), 'utf8');
  }

  /** Puts a stand-in for a program on the PATH: a script for sh, whose arguments are recorded before it runs. */
  standIn(program: string, script: string): void {
    const file = this.at(`bin/${program}`);
    writeFileSync(file, `#!/bin/sh\nset -e\necho "${program} $*" >> "$BASE/calls"\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** The calls of the stand-ins, one line each. */
  calls(): string[] {
    return this.read('calls').split('\n').filter(Boolean);
  }

  /** Runs a program here. */
  run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    return run(program, args, { cwd: this.#path, env: { ...this.#env, ...env } });
  }

  /** Runs a recipe's script; stderr contains the trace of bash, with the arguments of every command. */
  runTraced(script: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    return this.run('bash', ['-x', script, ...args], env);
  }

  /** Runs a recipe's script like `runTraced`; if it fails, the test fails with its output. */
  async succeed(
    script: string,
    args: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<Finished> {
    const finished = await this.runTraced(script, args, env);
    const { status, stdout, stderr } = finished;
    if (status !== 0) throw new Error(`${script} ended with ${status}.\n${stdout}${stderr}`);
    return finished;
  }

  /** Runs a program with input. @returns its standard output; fails the test if it fails */
  async pipe(input: string, program: string, ...args: readonly string[]): Promise<string> {
    const child = spawn(program, args, { cwd: this.#path, env: this.#env });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.stdin.on('error', () => {}); // a program that reads no input may have ended
    child.stdin.end(input);
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect({ program, status, stderr: status === 0 ? '' : stderr }).toEqual({
      program,
      status: 0,
      stderr: '',
    });
    return stdout;
  }

  /** Runs the tool, which must succeed. @returns its standard output */
  tool(...args: readonly string[]): Promise<string> {
    return this.pipe('', BIN, ...args);
  }

  /** Parses YAML with PyYAML. @returns its documents */
  async yaml(text: string): Promise<Parsed[]> {
    const program =
      'import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout, default=str)';
    return JSON.parse(await this.pipe(text, pythonWithYaml() ?? 'python3', '-c', program));
  }

  /** Fails unless a tokens file accepts a bearer. */
  async expectAccepted(bearer: string, tokensFile: string): Promise<void> {
    expect(bearer).toMatch(/^AAEAA[\w+/]+$/); // no line end, which most programs would treat as part of the token
    await this.pipe(bearer, BIN, 'verify', '--file', tokensFile);
  }

  /**
   * Fails if other users could see a token: in an argument, in a log, or in a file that they can read.
   *
   * @param logs the output of the recipe, including the trace of arguments
   */
  expectSecret(bearer: string, ...logs: readonly string[]): void {
    const secret = ServiceToken.decode(bearer)?.secret ?? 'not a token';
    const seen = [...logs, this.read('calls')].filter(
      (text) => text.includes(bearer) || text.includes(secret),
    );
    expect(seen).toEqual([]);
    const open = readdirSync(this.#path, { recursive: true, encoding: 'utf8' }).filter((name) => {
      const stat = lstatSync(this.at(name));
      return stat.isFile() && (stat.mode & 0o077) !== 0 && this.read(name).includes(bearer);
    });
    expect(open).toEqual([]);
  }

  /** Adds a line to a file. */
  append(name: string, line: string): void {
    appendFileSync(this.at(name), `${line}\n`);
  }

  exists(name: string): boolean {
    return existsSync(this.at(name));
  }
}

/** Reads a file of variables as `docker run --env-file` does: no quotes, no expansion. */
export function parseEnvFile(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** Returns what is wrong with a Secret of Kubernetes, by the required fields and the patterns of its schema. */
export function problemsOfSecret(secret: Parsed): string[] {
  const isText = (value: unknown, pattern: RegExp) => typeof value === 'string' && pattern.test(value);
  const every = (map: unknown, test: (key: string, value: unknown) => boolean) =>
    typeof map === 'object' && map !== null && Object.entries(map).every(([key, value]) => test(key, value));
  const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
  const subdomain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
  const base64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  const { apiVersion, kind, metadata, type = 'Opaque', data } = secret;
  const rules = {
    apiVersion: apiVersion === 'v1',
    kind: kind === 'Secret',
    name: isText(metadata?.name, subdomain),
    namespace: metadata?.namespace === undefined || isText(metadata.namespace, label),
    labels: every(
      metadata?.labels ?? {},
      (key, value) =>
        /^([a-z0-9.-]+\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(key) &&
        isText(value, /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/),
    ),
    type: type === 'Opaque',
    data: every(data, (key, value) => /^[-._a-zA-Z0-9]{1,253}$/.test(key) && isText(value, base64)),
  };
  return Object.entries(rules).flatMap(([rule, isKept]) => (isKept ? [] : [rule]));
}

/** Returns the data of a Secret as text. */
export function dataOf(secret: Parsed): Record<string, string> {
  const entries = Object.entries(secret.data as Record<string, string>);
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
