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
export { LBFGS } from '../optim/lbfgs.js'
export type { LBFGSGroup, LBFGSOptions } from '../optim/lbfgs.js'
export { LRScheduler } from '../optim/lr_scheduler.js'
export type { LastEpochOptions, ScheduledGroup, ScheduledOptimizer } from '../optim/lr_scheduler.js'
export type { SchedulerStateDict } from '../optim/scheduler_state.js'
export { ExponentialLR, LambdaLR, MultiStepLR, StepLR } from '../optim/lr_scheduler_factors.js'
export type { LrLambda, StepLROptions } from '../optim/lr_scheduler_factors.js'
export { ConstantLR, LinearLR, PolynomialLR } from '../optim/lr_scheduler_warmups.js'
export type { ConstantLROptions, LinearLROptions, PolynomialLROptions } from '../optim/lr_scheduler_warmups.js'
export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from '../optim/lr_scheduler_cosine.js'
export type { CosineAnnealingLROptions, CosineAnnealingWarmRestartsOptions } from '../optim/lr_scheduler_cosine.js'
export { ANNEAL_STRATEGIES, OneCycleLR } from '../optim/one_cycle_lr.js'
export type { AnnealStrategy, OneCycleLROptions } from '../optim/one_cycle_lr.js'
export { PLATEAU_MODES, PLATEAU_THRESHOLD_MODES, ReduceLROnPlateau } from '../optim/reduce_lr_on_plateau.js'
export type { ReduceLROnPlateauOptions } from '../optim/reduce_lr_on_plateau.js'
export { ChainedScheduler, SequentialLR } from '../optim/lr_scheduler_lists.js'
export { GradScaler } from '../optim/grad_scaler.js'
export type { GradScalerOptions, ScaledOptimizer } from '../optim/grad_scaler.js'
export { AveragedModel, getEmaMultiAvgFn, getSwaMultiAvgFn, updateBn } from '../optim/swa_utils.js'
export type { AveragedModelOptions, MultiAvgFn } from '../optim/swa_utils.js'
