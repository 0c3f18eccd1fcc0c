// What `napi-torch/optim` exports: optimizers, and what changes their learning rates.

export { Optimizer } from '../optim/optimizer.js'
export type {
  ParameterState,
  ParamGroup,
  ParamGroupOptions,
  Params,
  ScheduledOptions,
  StateValue,
} from '../optim/optimizer.js'
export { loadOptimizerState } from '../optim/state.js'
export type { LoadOptimizerStateOptions, OptimizerStateDict } from '../optim/state.js'
export { SGD } from '../optim/sgd.js'
export type { SGDGroup, SGDOptions } from '../optim/sgd.js'
export { Adam, AdamW } from '../optim/adam.js'
export type { AdamGroup, AdamOptions } from '../optim/adam.js'
export { RMSprop } from '../optim/rmsprop.js'
export type { RMSpropGroup, RMSpropOptions } from '../optim/rmsprop.js'
export { Adagrad } from '../optim/adagrad.js'
export type { AdagradGroup, AdagradOptions } from '../optim/adagrad.js'
export type { SchedulerStateDict } from '../optim/scheduler_state.js'
export { GradScaler } from '../optim/grad_scaler.js'
export type { GradScalerOptions, ScaledOptimizer } from '../optim/grad_scaler.js'
