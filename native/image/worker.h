#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "../error.h"
#include "decode/layout.h"

namespace napi_torch {

// Does `work` on a pool thread. Input and output are memory of JavaScript that the worker keeps alive.
template <typename Work>
class ImageWorker : public Napi::AsyncWorker {
 public:
  ImageWorker(Napi::Env env, Napi::Object input, Napi::Object output, Work work)
      : Napi::AsyncWorker(env, "napi-torch.image"),
        deferred_(Napi::Promise::Deferred::New(env)),
        input_(Napi::Persistent(input)),
        output_(Napi::Persistent(output)),
        work_(std::move(work)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    try {
      work_();
    } catch (const image::DecodeError& error) {
      damage_ = error.what();
    }
  }

  void OnOK() override {
    if (damage_.empty()) {
      deferred_.Resolve(output_.Value());
    } else {
      deferred_.Reject(TorchError(Env(), "TORCH_IMAGE", damage_).Value());
    }
  }

  // Beside damaged files, memory is all that can fail: that of tables, rows and the image between two passes.
  void OnError(const Napi::Error&) override {
    deferred_.Reject(TorchError(Env(), "TORCH_OUT_OF_MEMORY", "The system refused the memory for an image").Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference input_;
  Napi::ObjectReference output_;
  Work work_;
  std::string damage_;
};

// Gives the promise of `output`, which `work` fills.
template <typename Work>
Napi::Promise QueueImageWork(Napi::Env env, Napi::Object input, Napi::Object output, Work work) {
  auto worker = std::make_unique<ImageWorker<Work>>(env, input, output, std::move(work));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

}  // namespace napi_torch
