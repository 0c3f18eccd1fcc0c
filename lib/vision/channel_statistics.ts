// Means and deviations of the training images' channels, 0 to 1.
// torchvision.transforms._presets.ImageClassification, with which nearly all of its published models were trained.
export const IMAGENET_MEAN = [0.485, 0.456, 0.406]
export const IMAGENET_STD = [0.229, 0.224, 0.225]
// The training scripts from which the ResNet-18 for CIFAR-10 comes: kuangliu/pytorch-cifar, main.py.
export const CIFAR_MEAN = [0.4914, 0.4822, 0.4465]
export const CIFAR_STD = [0.2023, 0.1994, 0.201]
// The 60,000 training images of Fashion-MNIST, to four digits; those with which the embedded model was trained.
export const FASHION_MNIST_MEAN = [0.286]
export const FASHION_MNIST_STD = [0.353]
