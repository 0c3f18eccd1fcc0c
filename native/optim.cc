// Each step does the operations of PyTorch's optimizer in their order, so that both round alike. `_foreach` operators
// do them for all tensors of a group: in a few kernels on CUDA, one after the other on the CPU.
#include "optim.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_maximum.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <string>
#include <vector>

#include "convert.h"
#include "error.h"
#include "handle.h"

namespace napi_torch {
namespace {

using Tensors = std::vector<at::Tensor>;

// Reads the fields of one group: {params, …, lr, …}.
class Group {
 public:
  explicit Group(const Napi::Value& value) {
    if (!value.IsObject()) throw Expected(value.Env(), "a group of parameters", "group");
    group_ = value.As<Napi::Object>();
  }

  double Number(const char* name) const {
    const Napi::Value value = group_.Get(name);
    if (!value.IsNumber()) throw Expected(group_.Env(), "a number", name);
    return value.As<Napi::Number>().DoubleValue();
  }

  bool Boolean(const char* name) const {
    const Napi::Value value = group_.Get(name);
    if (!value.IsBoolean()) throw Expected(group_.Env(), "a boolean", name);
    return value.As<Napi::Boolean>().Value();
  }

  // As many tensors as there are parameters.
  Tensors List(const char* name, size_t count) const {
    Tensors tensors = List(name);
    if (tensors.size() != count) throw Expected(group_.Env(), "as many tensors as parameters", name);
    return tensors;
  }

  Tensors List(const char* name) const {
    const Napi::Value value = group_.Get(name);
    if (!value.IsArray()) throw Expected(group_.Env(), "an array of tensors", name);
    const Napi::Array array = value.As<Napi::Array>();
    Tensors tensors;
    for (uint32_t i = 0; i < array.Length(); ++i) tensors.push_back(UnwrapTensor(array.Get(i), name));
    return tensors;
  }

  Napi::Env Env() const { return group_.Env(); }

 private:
  Napi::Object group_;
};

// The gradients of parameters that all have one.
Tensors GradsOf(Napi::Env env, const Tensors& params) {
  Tensors grads;
  for (const at::Tensor& param : params) {
    const at::Tensor& grad = param.grad();
    if (!grad.defined()) throw Expected(env, "parameters with gradients", "params");
    grads.push_back(grad);
  }
  return grads;
}

// The gradients with the strides of their parameters: fused kernels read both element by element, as they lie.
Tensors AlignedGradsOf(Napi::Env env, const Tensors& params) {
  Tensors grads = GradsOf(env, params);
  for (size_t i = 0; i < params.size(); ++i) {
    if (!params[i].is_non_overlapping_and_dense()) throw Expected(env, "parameters without gaps", "params");
    if (grads[i].strides() != params[i].strides()) grads[i] = at::empty_like(params[i]).copy_(grads[i]);
  }
  return grads;
}

void CheckAligned(Napi::Env env, const Tensors& params, const Tensors& state) {
  for (size_t i = 0; i < state.size(); ++i) {
    if (state[i].strides() != params[i].strides() || state[i].sizes() != params[i].sizes()) {
      throw Expected(env, "a state that lies in memory as its parameter does", "params");
    }
  }
}

// Gradients to descend along, with L2 regularization.
Tensors Direction(Tensors grads, const Tensors& params, double weight_decay, bool maximize) {
  if (maximize) grads = at::_foreach_neg(grads);
  if (weight_decay != 0) grads = at::_foreach_add(grads, params, weight_decay);
  return grads;
}

// Counts a step in each tensor (), and gives the counts.
std::vector<double> CountSteps(const Tensors& steps) {
  at::_foreach_add_(steps, 1);
  std::vector<double> counts;
  for (const at::Tensor& step : steps) counts.push_back(step.item<double>());
  return counts;
}

template <class Function>
std::vector<at::Scalar> Map(const std::vector<double>& counts, Function function) {
  std::vector<at::Scalar> scalars;
  for (const double count : counts) scalars.emplace_back(function(count));
  return scalars;
}

// sgdStep({params, momentumBuffers, hasBuffers, lr, momentum, dampening, weightDecay, nesterov, maximize, fused}). The
// buffers of a first step, where hasBuffers is false, are written without being read. They are empty without momentum.
Napi::Value SgdStep(const Napi::CallbackInfo& info) {
  const c10::AutoGradMode disabled(false);
  const Group group(info[0]);
  const Tensors params = group.List("params");
  const double momentum = group.Number("momentum");
  const Tensors buffers = group.List("momentumBuffers", momentum == 0 ? 0 : params.size());
  const bool has_buffers = group.Boolean("hasBuffers");
  const double lr = group.Number("lr");
  const double dampening = group.Number("dampening");
  const double weight_decay = group.Number("weightDecay");
  const bool nesterov = group.Boolean("nesterov");
  const bool maximize = group.Boolean("maximize");
  if (params.empty()) return info.Env().Undefined();

  if (group.Boolean("fused")) {
    CheckAligned(info.Env(), params, buffers);
    at::_fused_sgd_(params, AlignedGradsOf(info.Env(), params), buffers, weight_decay, momentum, lr, dampening,
                    nesterov, maximize, /*is_first_step=*/!has_buffers);
    return info.Env().Undefined();
  }

  Tensors grads = Direction(GradsOf(info.Env(), params), params, weight_decay, maximize);
  if (momentum != 0) {
    if (has_buffers) {
      at::_foreach_mul_(buffers, momentum);
      at::_foreach_add_(buffers, grads, 1 - dampening);
    } else {
      for (size_t i = 0; i < buffers.size(); ++i) buffers[i].copy_(grads[i]);
    }
    grads = nesterov ? at::_foreach_add(grads, buffers, momentum) : buffers;
  }
  at::_foreach_add_(params, grads, -lr);
  return info.Env().Undefined();
}

// adamStep({params, steps, expAvgs, expAvgSqs, maxExpAvgSqs, lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay,
// amsgrad, maximize, fused}). maxExpAvgSqs is empty without amsgrad.
Napi::Value AdamStep(const Napi::CallbackInfo& info) {
  const c10::AutoGradMode disabled(false);
  const Group group(info[0]);
  const Tensors params = group.List("params");
  const bool amsgrad = group.Boolean("amsgrad");
  const Tensors steps = group.List("steps", params.size());
  const Tensors exp_avgs = group.List("expAvgs", params.size());
  const Tensors exp_avg_sqs = group.List("expAvgSqs", params.size());
  const Tensors max_exp_avg_sqs = group.List("maxExpAvgSqs", amsgrad ? params.size() : 0);
  const double lr = group.Number("lr");
  const double beta1 = group.Number("beta1");
  const double beta2 = group.Number("beta2");
  const double eps = group.Number("eps");
  const double weight_decay = group.Number("weightDecay");
  const bool is_decoupled = group.Boolean("decoupledWeightDecay");
  const bool maximize = group.Boolean("maximize");
  if (params.empty()) return info.Env().Undefined();

  if (group.Boolean("fused")) {
    for (const Tensors* state : {&exp_avgs, &exp_avg_sqs, &max_exp_avg_sqs}) CheckAligned(info.Env(), params, *state);
    at::_foreach_add_(steps, 1);
    const Tensors grads = AlignedGradsOf(info.Env(), params);
    if (is_decoupled) {
      at::_fused_adamw_(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1, beta2, weight_decay,
                        eps, amsgrad, maximize);
    } else {
      at::_fused_adam_(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, beta1, beta2, weight_decay,
                       eps, amsgrad, maximize);
    }
    return info.Env().Undefined();
  }

  const std::vector<double> counts = CountSteps(steps);
  const Tensors grads = Direction(GradsOf(info.Env(), params), params, is_decoupled ? 0 : weight_decay, maximize);
  if (is_decoupled && weight_decay != 0) at::_foreach_mul_(params, 1 - lr * weight_decay);
  at::_foreach_lerp_(exp_avgs, grads, 1 - beta1);
  at::_foreach_mul_(exp_avg_sqs, beta2);
  at::_foreach_addcmul_(exp_avg_sqs, grads, grads, 1 - beta2);
  if (amsgrad) at::_foreach_maximum_(max_exp_avg_sqs, exp_avg_sqs);

  const Tensors denominators = at::_foreach_sqrt(amsgrad ? max_exp_avg_sqs : exp_avg_sqs);
  at::_foreach_div_(denominators, Map(counts, [&](double count) { return std::sqrt(1 - std::pow(beta2, count)); }));
  at::_foreach_add_(denominators, eps);
  at::_foreach_addcdiv_(params, exp_avgs, denominators,
                        Map(counts, [&](double count) { return -(lr / (1 - std::pow(beta1, count))); }));
  return info.Env().Undefined();
}

// adagradStep({params, steps, sums, lr, lrDecay, eps, weightDecay, maximize, fused})
Napi::Value AdagradStep(const Napi::CallbackInfo& info) {
  const c10::AutoGradMode disabled(false);
  const Group group(info[0]);
  const Tensors params = group.List("params");
  const Tensors steps = group.List("steps", params.size());
  const Tensors sums = group.List("sums", params.size());
  const double lr = group.Number("lr");
  const double lr_decay = group.Number("lrDecay");
  const double eps = group.Number("eps");
  const double weight_decay = group.Number("weightDecay");
  const bool maximize = group.Boolean("maximize");
  if (params.empty()) return info.Env().Undefined();

  if (group.Boolean("fused")) {
    CheckAligned(info.Env(), params, sums);
    at::_foreach_add_(steps, 1);
    at::_fused_adagrad_(params, AlignedGradsOf(info.Env(), params), sums, steps, lr, lr_decay, weight_decay, eps,
                        maximize);
    return info.Env().Undefined();
  }

  const std::vector<double> counts = CountSteps(steps);
  const Tensors grads = Direction(GradsOf(info.Env(), params), params, weight_decay, maximize);
  at::_foreach_addcmul_(sums, grads, grads, 1);
  const Tensors deviations = at::_foreach_sqrt(sums);
  at::_foreach_add_(deviations, eps);
  at::_foreach_addcdiv_(params, grads, deviations,
                        Map(counts, [&](double count) { return -(lr / (1 + (count - 1) * lr_decay)); }));
  return info.Env().Undefined();
}

// rmspropStep({params, steps, squareAvgs, gradAvgs, momentumBuffers, lr, alpha, eps, weightDecay, momentum, centered,
// maximize}). gradAvgs is empty unless centered, momentumBuffers without momentum.
Napi::Value RmspropStep(const Napi::CallbackInfo& info) {
  const c10::AutoGradMode disabled(false);
  const Group group(info[0]);
  const Tensors params = group.List("params");
  const bool centered = group.Boolean("centered");
  const double momentum = group.Number("momentum");
  const Tensors steps = group.List("steps", params.size());
  const Tensors square_avgs = group.List("squareAvgs", params.size());
  const Tensors grad_avgs = group.List("gradAvgs", centered ? params.size() : 0);
  const Tensors buffers = group.List("momentumBuffers", momentum > 0 ? params.size() : 0);
  const double lr = group.Number("lr");
  const double alpha = group.Number("alpha");
  const double eps = group.Number("eps");
  const double weight_decay = group.Number("weightDecay");
  const bool maximize = group.Boolean("maximize");
  if (params.empty()) return info.Env().Undefined();

  at::_foreach_add_(steps, 1);
  const Tensors grads = Direction(GradsOf(info.Env(), params), params, weight_decay, maximize);
  at::_foreach_mul_(square_avgs, alpha);
  at::_foreach_addcmul_(square_avgs, grads, grads, 1 - alpha);
  Tensors deviations;
  if (centered) {
    at::_foreach_lerp_(grad_avgs, grads, 1 - alpha);
    deviations = at::_foreach_addcmul(square_avgs, grad_avgs, grad_avgs, -1);
    at::_foreach_sqrt_(deviations);
  } else {
    deviations = at::_foreach_sqrt(square_avgs);
  }
  at::_foreach_add_(deviations, eps);
  if (momentum > 0) {
    at::_foreach_mul_(buffers, momentum);
    at::_foreach_addcdiv_(buffers, grads, deviations);
    at::_foreach_add_(params, buffers, -lr);
  } else {
    at::_foreach_addcdiv_(params, grads, deviations, -lr);
  }
  return info.Env().Undefined();
}

// The gradients of those parameters that have one.
Tensors ExistingGradsOf(const Tensors& params) {
  Tensors grads;
  for (const at::Tensor& param : params) {
    if (param.grad().defined()) grads.push_back(param.grad());
  }
  return grads;
}

// gradNorm(params, ord): Tensor (), the norm of all gradients together.
Napi::Value GradNorm(const Napi::CallbackInfo& info) {
  const c10::AutoGradMode disabled(false);
  const Arguments args(info, "gradNorm");
  const Tensors grads = ExistingGradsOf(args.Tensors(0, "params"));
  const double ord = args.Number(1, "ord");

  if (grads.empty()) return WrapTensor(info.Env(), at::zeros({}));
  Tensors norms = at::_foreach_norm(grads, ord);
  for (at::Tensor& norm : norms) norm = norm.to(norms.front().device());
  return WrapTensor(info.Env(), at::linalg_vector_norm(at::stack(norms), ord));
}

// scaleGrads(params, factor): multiplies the gradients by a tensor ().
Napi::Value ScaleGrads(const Napi::CallbackInfo& info) {
  const c10::AutoGradMode disabled(false);
  const Arguments args(info, "scaleGrads");
  const at::Tensor factor = args.Tensor(1, "factor");
  for (const at::Tensor& grad : ExistingGradsOf(args.Tensors(0, "params"))) grad.mul_(factor.to(grad.device()));
  return info.Env().Undefined();
}

// clampGrads(params, limit): limits each element of the gradients to [-limit, limit].
Napi::Value ClampGrads(const Napi::CallbackInfo& info) {
  const c10::AutoGradMode disabled(false);
  const Arguments args(info, "clampGrads");
  const Tensors grads = ExistingGradsOf(args.Tensors(0, "params"));
  const double limit = args.Number(1, "limit");

  if (grads.empty()) return info.Env().Undefined();
  at::_foreach_clamp_min_(grads, -limit);
  at::_foreach_clamp_max_(grads, limit);
  return info.Env().Undefined();
}

}  // namespace

void InitOptim(Napi::Env env, Napi::Object exports) {
  Export<SgdStep>(env, exports, "sgdStep");
  Export<AdamStep>(env, exports, "adamStep");
  Export<AdagradStep>(env, exports, "adagradStep");
  Export<RmspropStep>(env, exports, "rmspropStep");
  Export<GradNorm>(env, exports, "gradNorm");
  Export<ScaleGrads>(env, exports, "scaleGrads");
  Export<ClampGrads>(env, exports, "clampGrads");
}

}  // namespace napi_torch
