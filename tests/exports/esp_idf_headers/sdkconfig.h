/* What menuconfig writes, of it what the port reads. */
#define CONFIG_IDF_TARGET "esp32s3"
#define CONFIG_IDF_TARGET_ESP32S3 1
#define CONFIG_IDF_TARGET_ARCH_XTENSA 1
#define CONFIG_ESP_MAIN_TASK_STACK_SIZE 8192
