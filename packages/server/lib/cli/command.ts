import { Option, type Command } from 'commander'
import type { Context } from 'napi-torch/internal/cli'

import { flagOf, parseSetting, SETTING_NAMES, settingFacts, variableOf, type SettingName } from '../setting_names.js'
import type { ServeFlags } from './settings.js'

const HELP = `
Each of these is also a variable, such as ${variableOf('maxBatchSize')}, and a name in the config file, such as
maxBatchSize. Flags count before variables, variables before the file. Give tokens by variables or by --token-file:
others on this machine can read the command line.

Examples:
  $ napi-torch serve --demo
  $ napi-torch serve --model resnet18=resnet18-f37072fd.pth --port 8080
  $ napi-torch serve --config server.yaml --check`

/** Gives the command its options, which follow from the table of settings. */
export function extend(command: Command, context: Context, done: (exitCode: number) => void): void {
  command
    .action(async (flags: ServeFlags) => {
      const { serve } = await import('./serve.js')
      done(await serve(flags, context))
    })
    .option('--model <name=checkpoint>', 'a model, or name@version=checkpoint; may be given again', collect)
    .option('--config <file>', 'settings and models in YAML or JSON')
    .option('--demo', 'serve the sample model')
    .option('--check', 'look at the settings and checkpoints, and end')
    .option('--print-config', 'print the settings that count, without secrets, and end')
  for (const name of SETTING_NAMES) command.addOption(optionOf(name))
  command.addHelpText('after', HELP)
}

function optionOf(name: SettingName): Option {
  const { type, default: usual, description, choices } = settingFacts(name)
  const flag = flagOf(name)
  if (type === 'boolean') return new Option(usual === true ? `--no-${flag}` : `--${flag}`, description)
  // Not as a default of the flag, which would count before the variables and the file.
  const shown = usual === '' ? description : `${description} (default: ${usual})`
  const option = new Option(`--${flag} <${type === 'string' ? 'value' : 'n'}>`, shown)
  if (choices !== null) return option.choices(choices)
  return option.argParser((text) => parseSetting(name, text, `--${flag}`))
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
