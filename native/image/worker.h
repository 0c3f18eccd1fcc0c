#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../borrowed.h"
#include "../error.h"
#include "decode/layout.h"

namespace napi_torch {

// Does `work` on a pool thread. `borrowed` is the memory of JavaScript that it uses, beside that of `output`, which may
// be one of these or an array that JavaScript does not know yet.
template <typename Work>
class ImageWorker : public Napi::AsyncWorker {
 public:
  ImageWorker(Napi::Env env, std::vector<BorrowedArray> borrowed, Napi::Object output, Work work)
      : Napi::AsyncWorker(env, "napi-torch.image"),
        deferred_(Napi::Promise::Deferred::New(env)),
        borrowed_(std::move(borrowed)),
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
    try {
      for (const BorrowedArray& array : borrowed_) array.Return(Env());
      if (!damage_.empty()) throw TorchError(Env(), "TORCH_IMAGE", damage_);
      deferred_.Resolve(output_.Value());
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

  // Beside damaged files, memory is all that can fail: that of tables, rows and the image between two passes.
  void OnError(const Napi::Error&) override {
    deferred_.Reject(TorchError(Env(), "TORCH_OUT_OF_MEMORY", "The system refused the memory for an image").Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::vector<BorrowedArray> borrowed_;
  Napi::ObjectReference output_;
  Work work_;
  std::string damage_;
};

// The array that `work` reads, as the only one that is borrowed.
inline std::vector<BorrowedArray> BorrowImage(Napi::Env env, const Bytes& bytes) {
  std::vector<BorrowedArray> borrowed;
  borrowed.emplace_back(env, bytes, "the image", BorrowedArray::Use::kRead);
  return borrowed;
}

// Gives the promise of `output`, which `work` fills.
template <typename Work>
Napi::Promise QueueImageWork(Napi::Env env, std::vector<BorrowedArray> borrowed, Napi::Object output, Work work) {
  auto worker = std::make_unique<ImageWorker<Work>>(env, std::move(borrowed), output, std::move(work));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  worker.release();  // NOLINT(bugprone-unused-return-value): a queued worker deletes itself.
  return promise;
}

}  // namespace napi_torch
