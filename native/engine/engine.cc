#include "engine.h"

#include <limits>
#include <string>
#include <utility>

#include "../convert.h"
#include "../error.h"
#include "host.h"
#include "jobs.h"
#include "plan_reader.h"
#include "weights_handle.h"
#include "wrapped.h"

namespace napi_torch {
namespace {

using engine::Buffers;
using engine::Executor;
using engine::Host;
using engine::Job;
using engine::Lane;
using engine::Plan;
using engine::Unwrap;
using engine::Wrap;

constexpr int64_t kMostThreads = 1024;  // As setNumThreads.
constexpr uint32_t kMostPlans = 100'000;
constexpr int64_t kMostRuns = 1'000'000;

// Drawn as the tag of tensors is.
const napi_type_tag kEngineTag = {0x9a64c2f0d8e35b17, reinterpret_cast<uint64_t>(&kEngineTag)};
const napi_type_tag kPlanTag = {0x27f1b9de40c68a53, reinterpret_cast<uint64_t>(&kPlanTag)};

struct EngineHandle {
  std::shared_ptr<Host> host;
  std::shared_ptr<Lane> lane;
};

struct PlanHandle {
  std::shared_ptr<Plan> plan;  // Null when disposed.
};

EngineHandle& UnwrapEngine(Napi::Value value) { return Unwrap<EngineHandle>(value, kEngineTag, "an engine", "engine"); }

PlanHandle& UnwrapPlan(Napi::Value value, const std::string& name) {
  return Unwrap<PlanHandle>(value, kPlanTag, "a plan", name);
}

std::shared_ptr<Plan> LivePlan(Napi::Value value, const std::string& name) {
  const PlanHandle& handle = UnwrapPlan(value, name);
  if (handle.plan == nullptr) throw Expected(value.Env(), "a plan that is not disposed", name);
  return handle.plan;
}

std::vector<std::shared_ptr<Plan>> ReadPlans(Napi::Value value) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() > kMostPlans) {
    throw Expected(value.Env(), "an array of plans", "plans");
  }
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<std::shared_ptr<Plan>> plans;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    plans.push_back(LivePlan(array.Get(i), "plans[" + std::to_string(i) + "]"));
  }
  return plans;
}

// The memory of an array, which must be as much as all plans need together.
uint8_t* ReadBuffer(const Arguments& args, size_t index, const char* name, size_t bytes, size_t alignment) {
  const Bytes memory = args.Bytes(index, name);
  if (memory.length != bytes) throw Expected(args.Env(), std::to_string(bytes) + " bytes", name);
  if (reinterpret_cast<uintptr_t>(memory.data) % alignment != 0) {
    throw Expected(args.Env(), "memory aligned for the dtype", name);
  }
  return memory.data;
}

struct Batch {
  std::vector<std::shared_ptr<Plan>> plans;
  Buffers buffers;
};

// Of the arguments (…, plans, input, output) from `first`.
Batch ReadBatch(const Napi::CallbackInfo& info, const Arguments& args, size_t first) {
  Batch batch{ReadPlans(info[first]), {}};
  size_t input_bytes = 0;
  size_t output_bytes = 0;
  size_t input_alignment = 1;
  size_t output_alignment = 1;
  for (const std::shared_ptr<Plan>& plan : batch.plans) {
    input_bytes += plan->input_bytes();
    output_bytes += plan->output_bytes();
    input_alignment = std::max(input_alignment, plan->input_alignment());
    output_alignment = std::max(output_alignment, plan->output_alignment());
  }
  batch.buffers.input = ReadBuffer(args, first + 1, "input", input_bytes, input_alignment);
  batch.buffers.output = ReadBuffer(args, first + 2, "output", output_bytes, output_alignment);
  return batch;
}

// createEngine(threads, device): Engine
Napi::Value CreateEngine(const Napi::CallbackInfo& info) {
  const Arguments args(info, "createEngine");
  const int64_t threads = args.Integer(0, "threads");
  if (threads < 1 || threads > kMostThreads) throw Expected(info.Env(), "an integer from 1 to 1024", "threads");
  const at::Device device = args.Device(1, "device");
  EngineHandle handle{Host::Of(info.Env(), static_cast<int>(threads), device), std::make_shared<Lane>()};
  return Wrap(info.Env(), std::move(handle), kEngineTag);
}

// disposeEngine(engine): lets what its plans have in common go as soon as no job of it is left.
Napi::Value DisposeEngine(const Napi::CallbackInfo& info) {
  UnwrapEngine(info[0]).lane = std::make_shared<Lane>();
  return info.Env().Undefined();
}

// createPlan(spec): Plan
Napi::Value CreatePlan(const Napi::CallbackInfo& info) {
  return Wrap(info.Env(), PlanHandle{engine::ReadPlan(info[0])}, kPlanTag);
}

// disposePlan(plan): lets its memory go as soon as no run uses it.
Napi::Value DisposePlan(const Napi::CallbackInfo& info) {
  UnwrapPlan(info[0], "plan").plan.reset();
  return info.Env().Undefined();
}

// engineBytes(engine): bytes that its plans hold beside their constants.
Napi::Value EngineBytes(const Napi::CallbackInfo& info) {
  const EngineHandle& handle = UnwrapEngine(info[0]);
  return Napi::Number::New(info.Env(), static_cast<double>(handle.lane->memory().bytes()));
}

double ReadId(const Arguments& args, size_t index) { return static_cast<double>(args.Integer(index, "id")); }

// The host of an engine, and an id that no other job has.
double ReadNewId(const Arguments& args, size_t index, const Host& host) {
  const double id = ReadId(args, index);
  if (host.IsPending(id)) throw Expected(args.Env(), "an id that no other job has", "id");
  return id;
}

Napi::Value Completed(Napi::Env env, const Job& job) { return Napi::Boolean::New(env, !job.was_cancelled); }

// preparePlan(engine, id, plan): Promise<boolean>
Napi::Value PreparePlan(const Napi::CallbackInfo& info) {
  const Arguments args(info, "preparePlan");
  const EngineHandle& handle = UnwrapEngine(info[0]);
  const double id = ReadNewId(args, 1, *handle.host);
  auto job = std::make_shared<engine::PrepareJob>(LivePlan(info[2], "plan"));
  return handle.host->Submit(info.Env(), id, handle.lane, std::move(job), {}, Completed);
}

// runPlans(engine, id, plans, input, output): Promise<boolean>, false where it was cancelled.
Napi::Value RunPlans(const Napi::CallbackInfo& info) {
  const Arguments args(info, "runPlans");
  const EngineHandle& handle = UnwrapEngine(info[0]);
  const double id = ReadNewId(args, 1, *handle.host);
  Batch batch = ReadBatch(info, args, 2);
  auto job = std::make_shared<engine::RunJob>(std::move(batch.plans), batch.buffers);
  return handle.host->Submit(info.Env(), id, handle.lane, std::move(job), {info[3], info[4]}, Completed);
}

// runPlansSync(engine, plans, input, output): waits.
Napi::Value RunPlansSync(const Napi::CallbackInfo& info) {
  const EngineHandle& handle = UnwrapEngine(info[0]);
  Batch batch = ReadBatch(info, Arguments(info, "runPlansSync"), 1);
  const auto job = std::make_shared<engine::RunJob>(std::move(batch.plans), batch.buffers);
  handle.host->RunNow(info.Env(), handle.lane, job);
  job->warnings.EmitTo(info.Env());
  if (job->failure != nullptr) std::rethrow_exception(job->failure);
  return info.Env().Undefined();
}

// planNote(plan): how a prepared plan has another device do its work; empty for the processor.
Napi::Value PlanNote(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), LivePlan(info[0], "plan")->note());
}

// measurePlan(engine, id, plan, runs): Promise of the median nanoseconds of each operation, or of false.
Napi::Value MeasurePlan(const Napi::CallbackInfo& info) {
  const Arguments args(info, "measurePlan");
  const EngineHandle& handle = UnwrapEngine(info[0]);
  const double id = ReadNewId(args, 1, *handle.host);
  std::shared_ptr<Plan> plan = LivePlan(info[2], "plan");
  const int64_t runs = args.Integer(3, "runs");
  if (runs < 1 || runs > kMostRuns) throw Expected(info.Env(), "an integer from 1 to 1000000", "runs");

  auto job = std::make_shared<engine::MeasureJob>(std::move(plan), runs);
  const auto result = [](Napi::Env env, const Job& done) -> Napi::Value {
    if (done.was_cancelled) return Napi::Boolean::New(env, false);
    const std::vector<double> medians = static_cast<const engine::MeasureJob&>(done).Medians();
    Napi::Array array = Napi::Array::New(env, medians.size());
    for (size_t i = 0; i < medians.size(); ++i) array.Set(static_cast<uint32_t>(i), Napi::Number::New(env, medians[i]));
    return array;
  };
  return handle.host->Submit(info.Env(), id, handle.lane, std::move(job), {}, result);
}

// cancelJob(engine, id): ends a job early, if it is not done yet.
Napi::Value CancelJob(const Napi::CallbackInfo& info) {
  const EngineHandle& handle = UnwrapEngine(info[0]);
  handle.host->Cancel(ReadId(Arguments(info, "cancelJob"), 1));
  return info.Env().Undefined();
}

}  // namespace

void InitEngine(Napi::Env env, Napi::Object exports) {
  engine::InitWeights(env, exports);
  Export<CreateEngine>(env, exports, "createEngine");
  Export<DisposeEngine>(env, exports, "disposeEngine");
  Export<CreatePlan>(env, exports, "createPlan");
  Export<DisposePlan>(env, exports, "disposePlan");
  Export<EngineBytes>(env, exports, "engineBytes");
  Export<PreparePlan>(env, exports, "preparePlan");
  Export<RunPlans>(env, exports, "runPlans");
  Export<RunPlansSync>(env, exports, "runPlansSync");
  Export<PlanNote>(env, exports, "planNote");
  Export<MeasurePlan>(env, exports, "measurePlan");
  Export<CancelJob>(env, exports, "cancelJob");
}

}  // namespace napi_torch
